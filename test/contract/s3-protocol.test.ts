/** Claim, put and settle on a real bucket: what the explorer proves of the machine, shown of the sink. */
import { expect, test } from 'vitest'
import { WeirError } from '../../src/core/errors.ts'
import type { SinkWriter } from '../../src/sinks/sink.ts'
import { s3Objects } from '../../src/sinks/s3/objects.ts'
import type { ObjectStore } from '../../src/sinks/s3/objects.ts'
import { contractRow, deliverTo, range, span } from '../../src/testing/contract-world.ts'
import { memoryLedger } from '../../src/testing/memory-ledger.ts'
import { deadline } from './dynamodb-kit.ts'
import { cut, loseFirstPut, PIPELINE, s3Client, s3World, SINK } from './s3-world.ts'
import type { S3World } from './s3-world.ts'

const rowsFor = (first: number, last: number) => span(first, last).map((offset) => contractRow(offset))

async function sorted(world: S3World): Promise<unknown[]> {
  return ((await world.rows()) as { n: number }[]).sort((a, b) => a.n - b.n)
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return error instanceof WeirError ? error.code : String(error)
  }
}

const write = (writer: SinkWriter, first: number, last: number) => deliverTo(writer, [range(span(first, last))])

/** read, list, claim, put, settle. */
const REQUESTS = [0, 1, 2, 3, 4]
const REDELIVERIES = [
  [
    [0, 3],
    [4, 9],
    [10, 12],
  ],
  [
    [0, 9],
    [10, 12],
  ],
  [[0, 12]],
] as const

test('D1 D2 D4: a process dies at each request, before and after its effect; redelivery is cut shorter, equal, longer', async () => {
  let cuts = 0
  for (const at of REQUESTS)
    for (const when of ['before', 'after'] as const)
      for (const parts of REDELIVERIES) {
        const world = await s3World()
        const dying = cut(world, at, when)
        expect(await codeOf(write(world.open(dying), 0, 9))).toBe('WEIR_UNEXPECTED')
        expect(dying.made()).toBe(at + 1)
        for (const [first, last] of parts) await write(world.open(), first, last)
        expect(await sorted(world), `${when} request ${at}, redelivered ${parts.join(' | ')}`).toEqual(rowsFor(0, 12))
        expect(await world.item()).toMatchObject({ next: 13, pending: null, gaps: [] })
        cuts++
      }
  expect(cuts).toBe(30)
})

test('D1 D2 D4: two processes die one after the other, at every pair of requests', async () => {
  for (const one of [2, 3, 4])
    for (const two of [1, 2, 3, 4, 5]) {
      const world = await s3World()
      await codeOf(write(world.open(cut(world, one, 'before')), 0, 9))
      await codeOf(write(world.open(cut(world, two, 'after')), 0, 5))
      await write(world.open(), 0, 9)
      expect(await sorted(world), `at ${one}, at ${two}`).toEqual(rowsFor(0, 9))
    }
})

test('D2 D4: a claim that is cut off is voided by a shorter redelivery, and its zombie writes nothing', async () => {
  const world = await s3World()
  const { objects, resume, arrived } = stopAtPut(world.objects)
  const zombie = codeOf(write(world.open({ objects }), 0, 9))
  await arrived
  await write(world.open(), 0, 4)
  resume()
  expect(await zombie).toBe('WEIR_TAKEN_OVER')
  await write(world.open(), 5, 9)
  expect(await sorted(world)).toEqual(rowsFor(0, 9))
  const stored = await world.stored()
  expect(
    stored.map(({ key, metadata, lines }) => [key.slice(world.folder.length), metadata['weir-void'], lines.length]),
  ).toEqual([
    ['000000-0000000000000000-4~1.jsonl.gz', undefined, 5],
    ['000000-0000000000000000-9.jsonl.gz', 'true', 0],
    ['000000-0000000000000005-9~1.jsonl.gz', undefined, 5],
  ])
})

test('D2 D4: a claim that is cut off is written again by a redelivery that covers it, and its zombie finds its own object', async () => {
  const world = await s3World()
  const { objects, resume, arrived } = stopAtPut(world.objects)
  const zombie = codeOf(write(world.open({ objects }), 0, 9))
  await arrived
  await write(world.open(), 0, 14)
  resume()
  expect(await zombie).toBe('ok')
  expect(await sorted(world)).toEqual(rowsFor(0, 14))
  expect((await world.stored()).map(({ key }) => key.slice(world.folder.length))).toEqual([
    '000000-0000000000000000-9.jsonl.gz',
    '000000-0000000000000010-14.jsonl.gz',
  ])
})

test('D2 D4: ten pairs of overlapping invocations, cut at random places', async () => {
  const world = await s3World()
  let committed = 0
  let seed = 7
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below
  for (let round = 0; round < 10; round++) {
    const lasts = [committed + random(20), committed + random(20)]
    const codes = await Promise.all(lasts.map((last) => codeOf(write(world.open(), committed, last))))
    for (const code of codes) expect(['ok', 'WEIR_CONTENDED', 'WEIR_TAKEN_OVER']).toContain(code)
    codes.forEach((code, i) => {
      if (code === 'ok') committed = Math.max(committed, lasts[i]! + 1)
    })
  }
  expect(committed).toBeGreaterThan(0)
  await write(world.open(), committed, committed + 20)
  expect(await sorted(world)).toEqual(rowsFor(0, committed + 20))
})

test('D2 D8: the answer of the PUT is lost; its second sending finds its own object', async () => {
  const proxy = await loseFirstPut()
  try {
    const world = await s3World({}, memoryLedger(), proxy.endpoint)
    const report = await write(world.open(), 0, 9)
    expect(report.ranges[0]).toMatchObject({ rows: 10, duplicates: 0 })
    expect(proxy.puts()).toBe(2)
    expect(await sorted(world)).toEqual(rowsFor(0, 9))
  } finally {
    await proxy.close()
  }
})

test('D9: a gap is recorded once, and stays when the claim that saw it is voided', async () => {
  const world = await s3World()
  await write(world.open(), 0, 4)
  await codeOf(deliverTo(world.open(cut(world, 2, 'before')), [range([7, 8, 11])]))
  await deliverTo(world.open(), [range([7, 8])])
  await deliverTo(world.open(), [range([11])])
  const item = await world.item()
  expect(item?.gaps).toEqual([
    { first: 5, last: 6 },
    { first: 9, last: 10 },
  ])
  expect(item?.gapCount).toBe(2)
})

test('D5 D9: an event that comes again and again, longer each time, is no restart', async () => {
  const world = await s3World()
  const writer = world.open()
  for (let last = 0; last < 12; last++) await write(writer, 0, last)
  expect(await sorted(world)).toEqual(rowsFor(0, 11))
})

test('D9: objects without a ledger item halt the first write: the ledger was lost', async () => {
  for (const date of [false, true]) {
    const ledger = memoryLedger()
    const world = await s3World({ date }, ledger)
    await write(world.open(), 0, 4)
    ledger.clear()
    expect(await codeOf(write(world.open(), 5, 9))).toBe('WEIR_FOREIGN_TARGET')
    expect(await sorted(world)).toEqual(rowsFor(0, 4))
    await deliverTo(world.open(), [range(span(0, 4), { partition: 1 })])
  }
})

test.each([
  ['without metadata', undefined],
  ['of another pipeline', { pipeline: 'other' }],
  ['of this range with other content', { checksum: 'other' }],
])('D2: an object %s under the key of a claim halts, and is not touched', async (_, differs) => {
  const world = await s3World({ compress: 'none' })
  await write(world.open(), 0, 4)
  const key = `${world.folder}000000-0000000000000005-9.jsonl`
  const mark = { pipeline: PIPELINE, sink: SINK, epoch: 0, first: 5, last: 9, void: false, checksum: '', ...differs }
  const body = Buffer.from('"theirs"\n')
  if (differs) await world.objects.put({ key, mark, records: 1, rows: 1, body, contentType: 'text/plain' }, deadline())
  else await world.plant(key, body)
  expect(await codeOf(write(world.open(), 5, 9))).toBe('WEIR_FOREIGN_OBJECT')
  expect(await world.rows()).toEqual([...rowsFor(0, 4), 'theirs'])
})

test('D8: an absent bucket is a fault of set-up, a silent server one that passes', async () => {
  const world = await s3World()
  const objects = s3Objects(s3Client(), 'no-such-bucket-here')
  expect(await codeOf(write(world.open({ objects }), 0, 4))).toBe('WEIR_STORE_MISCONFIGURED')
  const gone = await s3World({}, memoryLedger(), 'http://127.0.0.1:9')
  expect(await codeOf(deliverTo(gone.open(), [range([0])], 1_500))).toBe('WEIR_STORE_UNAVAILABLE')
})

/** A bucket whose first PUT waits, as a process does that was stopped in mid-flight. */
function stopAtPut(objects: ObjectStore): { objects: ObjectStore; resume: () => void; arrived: Promise<void> } {
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  return {
    resume: gate.resolve,
    arrived: reached.promise,
    objects: {
      ...objects,
      put: async (object, deadline) => {
        reached.resolve()
        await gate.promise
        return objects.put(object, deadline)
      },
    },
  }
}
