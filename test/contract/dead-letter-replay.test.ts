import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { ProducedRecord } from '../../src/kafka/produce.ts'
import type { ReplayPorts } from '../../src/operations/replay.ts'
import { deadLetterTable } from '../../src/sinks/dead-letters/index.ts'
import type { DeadLetterSummary } from '../../src/sinks/dead-letters/index.ts'
import { supersedeLetters } from '../../src/sinks/dead-letters/supersede.ts'
import { clients, createTable, deadline, fresh } from './dynamodb-kit.ts'
import { replayWorld } from './replay-world.ts'
import type { ReplayWorld, Row } from './replay-world.ts'

let aws: AwsClients
let table: string
const bucket = fresh('replays')

beforeAll(async () => {
  aws = clients()
  table = await createTable(aws, deadLetterTable(fresh('replays')))
  await aws.s3.request({ operation: 'CreateBucket', method: 'PUT', bucket, deadline: deadline() })
})
afterAll(() => aws.close())

const bad = (row: Row) => (row.n < 0 ? 'negative' : undefined)
const order = (id: string, n: number) => JSON.stringify({ id, n })

/** a is refused at 0 and written at 2; b is refused at 1 and comes no more. */
async function world(): Promise<ReplayWorld> {
  const made = replayWorld(aws, table, bucket)
  made.fault = bad
  made.produce(order('a', -1), { headers: [{ name: 'own', value: Buffer.from([0xff]) }] })
  made.produce(order('b', -2))
  made.produce(order('a', 3))
  await made.pump()
  expect(await statesOf(made)).toEqual(['new', 'new'])
  return made
}

const statesOf = async (each: ReplayWorld) => (await each.letters()).map(({ state }) => state)
const repair = (each: ReplayWorld) => (each.fault = () => undefined)
/** What replaying has to lead to: a stays as it is, for 2 is newer than 0; b is there; both are appended once. */
function expectOnce(each: ReplayWorld): void {
  expect(each.keyed()).toEqual({ a: [3, 2], b: [-2, 1] })
  const values = each.appended().map(([, n]) => n)
  expect(values.toSorted((a, b) => a - b)).toEqual([-2, -1, 3])
}

describe('replay', () => {
  test('D2 D3: after a repair each letter takes effect once: keyed by its original position, appended where it stands now', async () => {
    const each = await world()
    repair(each)
    expect(await each.replay()).toEqual([
      { id: expect.any(String), outcome: 'replayed', offset: 3 },
      { id: expect.any(String), outcome: 'replayed', offset: 4 },
    ])
    expectOnce(each)
    expect(each.appended()).toEqual([
      [2, 3],
      [3, -1],
      [4, -2],
    ])
    expect((await each.letters()).map(({ state, attempts, takenAt }) => [state, attempts, takenAt])).toEqual([
      ['replayed', 1, 3],
      ['replayed', 1, 4],
    ])
    expect(await each.replay()).toEqual([])
  })

  test('D1: the bytes are the original ones: key, value, headers, timestamp', async () => {
    const each = replayWorld(aws, table, bucket)
    each.fault = () => 'all'
    const key = Buffer.from([0, 255])
    const headers = [
      { name: 'h', value: Buffer.from([0xc3]) },
      { name: 'h', value: Buffer.alloc(0) },
    ]
    each.produce(order('a', 1), { key, headers, timestamp: 1_234 })
    await each.pump()
    repair(each)
    await each.replay()
    expect(each.log[1]).toMatchObject({ key, value: each.log[0]!.value, timestamp: 1_234 })
    expect(each.log[1]!.headers.slice(0, -1)).toEqual(headers)
  })

  test('D2 D6: one that fails again is the same letter, with the new reason and the count raised; then it can be replayed', async () => {
    const each = await world()
    each.fault = (row) => (row.n === -2 ? 'still wrong' : undefined)
    expect((await each.replay()).map(({ outcome, code, text }) => [outcome, code, text])).toEqual([
      ['replayed', undefined, undefined],
      ['failed', 'WEIR_TRANSFORM', 'still wrong'],
    ])
    expect(
      (await each.letters()).map(({ state, attempts, text, takenAt }) => [state, attempts, text, takenAt]),
    ).toEqual([
      ['replayed', 1, 'negative', 3],
      ['new', 1, 'still wrong', null],
    ])
    repair(each)
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed'])
    expectOnce(each)
    expect((await each.letters()).map(({ attempts }) => attempts)).toEqual([1, 2])
  })

  test('D2 D13: a letter that a rewind supersedes while its record is on its way stays so', async () => {
    const each = await world()
    repair(each)
    const [{ pipeline, sink, cluster, topic, partition }] = (await each.letters()) as [DeadLetterSummary]
    const superseding: ReplayPorts = {
      ...each.ports,
      pause: async () => {
        const range = { pipeline, sink, source: { cluster, topic, partition }, from: 0, below: 1 }
        await supersedeLetters({ table, clients: aws }, range, deadline())
        await each.pump()
      },
    }
    expect((await each.replay(superseding)).map(({ outcome }) => outcome)).toEqual(['changed', 'changed'])
    expect(await statesOf(each)).toEqual(['superseded', 'superseded'])
    expect(each.appended()).toEqual([[2, 3]])
  })

  test('D2 D5: what one sink refused is replayed for it alone; the others do not change', async () => {
    const each = replayWorld(aws, table, bucket)
    each.fault = (row, sink) => (sink === 'kv' && row.n < 0 ? 'not here' : undefined)
    each.produce(order('a', -1))
    await each.pump()
    const before = each.appended()
    repair(each)
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed'])
    expect(each.keyed()).toEqual({ a: [-1, 0] })
    expect(each.appended()).toEqual(before)
  })

  test('D2: a letter of all sinks that one of them refuses now: it is replayed, and that sink has a letter of its own', async () => {
    const each = await world()
    each.fault = (row, sink) => (sink === 'kv' && row.n === -2 ? 'not here' : undefined)
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed', 'replayed'])
    const letters = await each.letters()
    expect(letters.map(({ sink, state, offset }) => `${sink} ${state} ${offset}`).toSorted()).toEqual([
      '* replayed 0',
      '* replayed 1',
      'kv new 1',
    ])
    repair(each)
    await each.replay()
    expectOnce(each)
  })

  test('D2 D4: redelivered, however cut and as often as it comes, nothing takes effect again', async () => {
    const each = await world()
    repair(each)
    await each.replay()
    for (const again of [1, 2, 5]) await each.pump(again)
    expectOnce(each)
    expect(await statesOf(each)).toEqual(['replayed', 'replayed'])
  })

  test('a payload that lies in an object is replayed, and told from another by its bytes', async () => {
    const each = replayWorld(aws, table, bucket)
    each.fault = (row) => (row.n < 0 ? 'negative' : undefined)
    const long = 'x'.repeat(400_000)
    each.produce(JSON.stringify({ id: 'a', n: -1, long }))
    await each.pump()
    repair(each)
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed'])
    expect(each.keyed()).toEqual({ a: [-1, 0] })
  })

  test('where the function stands still the letters wait, and the same again goes on', async () => {
    const each = await world()
    repair(each)
    const still = { ...each.ports, pause: () => Promise.resolve() }
    expect((await each.replay(still)).map(({ outcome, offset }) => [outcome, offset])).toEqual([
      ['waiting', 3],
      ['waiting', 4],
    ])
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed', 'replayed'])
    expect(each.log).toHaveLength(5)
    expectOnce(each)
  })

  test('what cannot be sent is a letter as before, and a late arrival of it takes no effect', async () => {
    const each = await world()
    repair(each)
    let late: readonly ProducedRecord[] = []
    const send = (records: readonly ProducedRecord[]) => {
      late = records
      return Promise.reject(new Error('too large'))
    }
    await expect(each.replay({ ...each.ports, send })).rejects.toThrow('too large')
    expect(await statesOf(each)).toEqual(['new', 'new'])
    await each.ports.send(late)
    await each.pump()
    expect(each.appended()).toEqual([[2, 3]])
    expect((await each.replay()).map(({ outcome }) => outcome)).toEqual(['replayed', 'replayed'])
    expectOnce(each)
  })
})

describe('a forged header', () => {
  test('D3: of no letter, of another position, of other bytes: it counts for nothing, and the record is one as any other', async () => {
    const each = await world()
    const [letter] = await each.letters()
    const { letter: replaying } = await each.store.change(
      letter!,
      { to: 'replaying', attempts: 1, scanFrom: 3 },
      deadline(),
    )
    each.forge(replaying!, { offset: 77 }, order('a', 10))
    each.forge(replaying!, { sink: 'kv' }, order('a', 11))
    each.forge(replaying!, {}, order('a', 12))
    await each.pump()
    expect(each.keyed()['a']).toEqual([12, 5])
    expect(each.appended().map(([offset]) => offset)).toEqual([2, 3, 4, 5])
    expect((await each.letters())[0]).toMatchObject({ state: 'replaying', takenAt: null })
  })

  test('D3 D6: poison with a forged header is a letter where it stands, and moves no other', async () => {
    const each = await world()
    const [letter] = await each.letters()
    const { letter: replaying } = await each.store.change(
      letter!,
      { to: 'replaying', attempts: 1, scanFrom: 3 },
      deadline(),
    )
    each.forge(replaying!, {}, order('z', -9))
    await each.pump()
    expect((await each.letters()).map(({ offset, state }) => [offset, state])).toEqual([
      [0, 'replaying'],
      [1, 'new'],
      [3, 'new'],
    ])
  })
})

/** Every call of the command, and whether the crash comes before its effect or after. */
const CALLS = ['get', 'change', 'ends', 'send', 'read', 'committed', 'expires', 'pause'] as const

function crashing(
  ports: ReplayPorts,
  at: number,
  after: boolean,
): { readonly ports: ReplayPorts; readonly calls: () => number } {
  let calls = 0
  const crash = () => new Error('the command died')
  const wrapped = Object.fromEntries(
    CALLS.map((name) => [
      name,
      (...args: never[]) => {
        const hit = calls++ === at
        if (hit && !after) throw crash()
        const result = (ports[name] as (...all: never[]) => unknown)(...args)
        if (!hit) return result
        return result instanceof Promise ? result.then(() => Promise.reject(crash())) : failing(crash())
      },
    ]),
  )
  return { ports: wrapped as unknown as ReplayPorts, calls: () => calls }
}

function failing(error: Error): AsyncIterable<never> {
  const next = (): Promise<never> => {
    throw error
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

describe('interrupted', () => {
  test.each([
    ['before its effect', false],
    ['after it', true],
  ])('D2 D4: killed at every step, %s, the same command again finishes with one effect', async (_, after) => {
    const whole = await world()
    repair(whole)
    const counting = crashing(whole.ports, -1, false)
    await whole.replay(counting.ports)
    const steps = counting.calls()
    expect(steps).toBeGreaterThan(10)
    for (let at = 0; at < steps; at++) {
      const each = await world()
      repair(each)
      const { ports } = crashing(each.ports, at, after)
      await expect(each.replay(ports), `step ${at}`).rejects.toThrow('died')
      await each.replay()
      expectOnce(each)
      expect(await statesOf(each), `step ${at}`).toEqual(['replayed', 'replayed'])
      expect(each.log.length, `step ${at}`).toBeLessThanOrEqual(5)
    }
  })

  test('D2 D4: killed where the record fails again, the letter is new once more, and nothing took effect', async () => {
    for (let at = 0; at < 12; at++) {
      const each = await world()
      const { ports } = crashing(each.ports, at, true)
      await each.replay(ports).catch(() => 'killed')
      const outcomes = await each.replay()
      for (const { outcome } of outcomes) expect(outcome).toBe('failed')
      expect(await statesOf(each)).toEqual(['new', 'new'])
      expect(each.appended()).toEqual([[2, 3]])
    }
  })

  test('D2 D4: two that replay the same letters at once: each record is there twice perhaps, and takes effect once', async () => {
    const each = await world()
    repair(each)
    const both = await Promise.all([each.replay(), each.replay()])
    expect(both.flat().map(({ outcome }) => outcome)).not.toContain('failed')
    await each.replay()
    expect(await statesOf(each)).toEqual(['replayed', 'replayed'])
    expectOnce(each)
  })
})

test('D2: a discarded letter stays as it is, whatever comes again', async () => {
  const each = await world()
  const [letter] = await each.letters()
  expect(await each.store.change(letter!, { to: 'discarded', expires: 9_999_999_999 }, deadline())).toMatchObject({
    ok: true,
  })
  expect(await each.store.change(letter!, { to: 'replaying', attempts: 1, scanFrom: 0 }, deadline())).toMatchObject({
    ok: false,
    letter: { state: 'discarded' },
  })
  await each.pump(3)
  expect(await statesOf(each)).toEqual(['discarded', 'new'])
})

test('D2 D13: a letter that a rewind supersedes while its record is on the way stays so, and the record has no effect', async () => {
  const each = await world()
  repair(each)
  const { cluster, topic, partition } = (await each.letters())[0]!
  const all = { pipeline: each.name, sink: '*', source: { cluster, topic, partition }, from: 0, below: 1 }
  const send: ReplayPorts['send'] = async (records) => {
    await each.ports.send(records)
    await supersedeLetters({ table, clients: aws }, all, deadline())
  }
  expect((await each.replay({ ...each.ports, send })).map(({ outcome }) => outcome)).toEqual(['changed', 'changed'])
  expect(await statesOf(each)).toEqual(['superseded', 'superseded'])
  expect(each.appended()).toEqual([[2, 3]])
})
