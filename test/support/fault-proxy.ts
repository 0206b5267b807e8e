/** Stands on the way to a server, and does to connections what networks do: cuts them, also in mid-answer, or keeps requests back. */
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface FaultProxy {
  /** Leads to that server from now on; returns the address of this one. */
  to(endpoint: string): string
  /** Every connection is reset, and so is each new one, until `mend`. */
  cut(): void
  /** The next answers are cut after their first bytes, the request having taken its effect: one for each number. */
  cutAnswers(count: number): void
  /** Requests whose first bytes match stay here, and whatever follows on their connection, until `letGo`. */
  keepBack(match: RegExp): void
  /** No more requests are kept back; those that are, stay. */
  keepNoMore(): void
  /** How many connections have a request kept back. */
  keptBack(): number
  /** Sends on what was kept back. */
  letGo(): void
  /** Undoes all of it. */
  mend(): void
  close(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  kept: Buffer[] | undefined
}

/** An answer is cut within its header. */
const CUT_AT_BYTES = 20

export async function faultProxy(): Promise<FaultProxy> {
  let target = new URL('http://127.0.0.1')
  const pairs = new Set<Pair>()
  let isCut = false
  let answersToCut = 0
  let match: RegExp | undefined

  const reset = (pair: Pair) => {
    pairs.delete(pair)
    pair.near.resetAndDestroy()
    pair.far.destroy()
  }
  const letGo = () => {
    for (const pair of pairs) {
      const { kept = [] } = pair
      pair.kept = undefined
      for (const chunk of kept) pair.far.write(chunk)
    }
  }
  const carry = (near: Socket) => {
    const far = connect({ host: target.hostname, port: Number(target.port) })
    const pair: Pair = { near, far, kept: undefined }
    pairs.add(pair)
    near.on('data', (chunk) => {
      if (!pair.kept && match?.test(chunk.toString('latin1'))) pair.kept = []
      if (pair.kept) pair.kept.push(chunk)
      else far.write(chunk)
    })
    far.on('data', (chunk) => {
      if (answersToCut === 0) near.write(chunk)
      else {
        answersToCut--
        near.write(chunk.subarray(0, CUT_AT_BYTES), () => reset(pair))
      }
    })
    near.on('close', () => void (pair.kept ? undefined : far.end()))
    far.on('close', () => (pairs.delete(pair), near.destroy()))
    far.on('error', () => reset(pair))
  }
  const server = createServer((near) => {
    near.on('error', () => undefined)
    if (isCut) near.resetAndDestroy()
    else carry(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    to(endpoint) {
      target = new URL(endpoint)
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    cut() {
      isCut = true
      pairs.forEach(reset)
    },
    cutAnswers: (count) => void (answersToCut = count),
    keepBack: (which) => void (match = which),
    keepNoMore: () => void (match = undefined),
    keptBack: () => [...pairs].filter(({ kept }) => kept).length,
    letGo,
    mend() {
      isCut = false
      answersToCut = 0
      match = undefined
      letGo()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        pairs.forEach(reset)
      }),
  }
}
