/** D13 on the real stack: one store is rebuilt from the log, byte for byte nothing of the others changes. */
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRewindWorld, until } from '../support/rewind-world.ts'
import type { RewindWorld, Sight, SinkName } from '../support/rewind-world.ts'
import { command } from '../support/weirhouse.ts'

const SINKS: readonly SinkName[] = ['lake', 'log', 'sql', 'kv']
const PARTITIONS = [0, 1]
const KEYS = 37

let world: RewindWorld

/** Keys stay in their partition; every 50th record is poison, every 60th too large for `sql`. */
const records = (count: number, word: string) =>
  Array.from({ length: count }, (_, i) => {
    const partition = i % PARTITIONS.length
    const value = i % 50 === 3 ? `poison ${i}` : i % 60 === 5 ? `big ${i}` : `${word} ${i}`
    return [partition, `${partition}-${i % KEYS}`, value] as const
  })

beforeAll(async () => {
  world = await openRewindWorld()
  await world.produce(records(400, 'first'))
  await world.produce(records(300, 'second'))
})
afterAll(() => world.end())

async function rewind(...args: string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await world.weirhouse('rewind', '--yes', '--json', ...args)
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return JSON.parse(stdout) as Record<string, unknown>
}

async function expectAsBefore(before: Sight, rebuilt: readonly SinkName[]): Promise<Sight> {
  const after = await world.see()
  for (const sink of SINKS) {
    expect([sink, after[sink].rows]).toEqual([sink, before[sink].rows])
    if (!rebuilt.includes(sink)) expect([sink, after[sink].exact]).toEqual([sink, before[sink].exact])
  }
  expect(await world.audit()).toMatchObject({ ok: true })
  return after
}

describe('one sink', () => {
  test.each<[SinkName, to: string]>([
    ['log', 'earliest'],
    ['lake', '97'],
    ['sql', 'earliest'],
    ['kv', '100'],
  ])('D13: %s from %s on is what it was; the others are the same byte for byte', async (sink, to) => {
    const before = await world.see()
    const report = await rewind('--sink', sink, '--to', to)
    expect(report).toMatchObject({ pipeline: 'rewound', sinks: [{ id: sink, swept: expect.any(Number) as number }] })
    const after = await expectAsBefore(before, [sink])
    expect(after[sink].exact).not.toEqual(before[sink].exact)
    expect(after[sink].exact.some((each) => each.includes(sink === 'lake' ? '.e' : '_epoch'))).toBe(true)
  })

  test('D13: by time, and of one partition', async () => {
    const before = await world.see()
    await rewind('--sink', 'log', '--to', '1h', '--partition', '1')
    await expectAsBefore(before, ['log'])
  })
})

test('D13: all sinks', async () => {
  const before = await world.see()
  await rewind('--sink', 'all')
  await expectAsBefore(before, SINKS)
})

test('D13: a verb killed at any moment, and run again, comes to the same end', async () => {
  const before = await world.see()
  for (const later of [0, 150, 400]) {
    await world.weirhouse('resume') // the function meets what the last one left
    const child = spawn(...command(['rewind', '--sink', 'log', '--yes', '--project', world.project]), {
      stdio: 'ignore',
    })
    await until('the mapping is paused', async () => (await world.mappingState()) === 'Disabled')
    await sleep(later)
    child.kill('SIGKILL')
  }
  await rewind('--sink', 'log')
  await expectAsBefore(before, ['log'])
})

test('D13: killed while the log is read again, --finish does what is left', async () => {
  const before = await world.see()
  let left = false
  for (let tries = 0; tries < 5 && !left; tries++) {
    const child = spawn(...command(['rewind', '--sink', 'kv', '--yes', '--project', world.project]), {
      stdio: 'ignore',
    })
    await until('the mapping is paused', async () => (await world.mappingState()) === 'Disabled')
    await until('it goes on', async () => (await world.mappingState()) === 'Enabled')
    child.kill('SIGKILL')
    left = await world.isRewinding('kv')
  }
  expect(left).toBe(true)
  await world.processed()
  await rewind('--sink', 'kv', '--finish')
  expect(await world.isRewinding('kv')).toBe(false)
  await expectAsBefore(before, ['kv'])
  expect((await world.weirhouse('rewind', '--sink', 'kv', '--finish')).stdout).toContain('There is no rewind to finish')
})

test('D4 D13: an invocation frozen before the rewind, and thawed after it, changes nothing', async () => {
  let frozen: number | undefined
  world.onInvocation((pid) => {
    frozen = pid
    process.kill(pid, 'SIGSTOP')
  })
  await world.produce(records(120, 'third')) // another instance takes what that one leaves
  const before = await world.see()
  await rewind('--sink', 'all')
  process.kill(frozen!, 'SIGCONT')
  await sleep(2000)
  await expectAsBefore(before, SINKS)
})

describe('what is refused', () => {
  test.each<[string, string[], string]>([
    ['a sink that there is not', ['--sink', 'x'], 'There is no sink "x"; there are: lake, log, sql, kv, all'],
    ['one partition of a sink with keys', ['--sink', 'kv', '--partition', '0'], 'cannot be rewound by partition'],
    ['a partition that there is not', ['--sink', 'log', '--partition', '7'], 'There is no partition of "rewound" "7"'],
    ['the same log taken for a new one', ['--sink', 'all', '--accept-new-topic'], 'has read this very log'],
    ['nobody to ask', ['--sink', 'log'], 'WEIR_NOT_CONFIRMED'],
  ])('%s', async (_, args, text) => {
    const yes = text === 'WEIR_NOT_CONFIRMED' ? [] : ['--yes']
    const before = await world.see()
    const { code, stderr } = await world.weirhouse('rewind', ...args, ...yes)
    expect({ failed: code !== 0, stderr }).toMatchObject({
      failed: true,
      stderr: expect.stringContaining(text) as string,
    })
    expect(await world.mappingState()).toBe('Enabled')
    expect(await world.see()).toEqual(before)
  })
})

test('D9 D13: a topic made anew halts, is accepted by the command that the error names, and read', async () => {
  const { target } = world.stack
  const { topic, function: name } = target.pipelines[0]!
  const before = await world.see()
  expect((await world.weirhouse('pause')).code).toBe(0)
  await world.admin.deleteTopic(topic)
  await world.admin.createTopic({ topic, partitions: 2, replication: 2 })
  expect((await world.weirhouse('resume')).code).toBe(0)
  const fresh = records(80, 'anew').filter(([, , value]) => value.startsWith('anew'))
  const sent = world.produce(fresh)
  const log = async () => (await world.weirhouse('logs', '--function', name)).stdout
  await until('the function halts', async () => (await log()).includes('WEIR_TOPIC_RESTARTED'))
  expect(await log()).toContain('weirhouse rewind --sink all --accept-new-topic')
  const open = await world.weirhouse('rewind', '--sink', 'all', '--accept-new-topic', '--yes')
  expect(open).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('dead letters of the old') as string,
  })
  await world.discardLetters()
  await rewind('--sink', 'all', '--accept-new-topic')
  await sent
  const after = await world.see()
  expect(after.log.rows).toHaveLength(before.log.rows.length + fresh.length)
  expect(after.lake.rows).toHaveLength(before.lake.rows.length + fresh.length)
  const newest = new Map(fresh.map(([, key, value]) => [key, value]))
  for (const [key, value] of newest)
    expect(after.sql.rows.some((row) => row.includes(`"${key}"`) && row.includes(`"${value}"`))).toBe(true)
})
