import { describe, expect, test } from 'vitest'
import { WeirError } from '../../core/errors.ts'
import type { Watermark } from '../../core/watermark.ts'
import { memoryStore } from '../../sinks/memory.ts'
import { memoryRewind } from '../../sinks/memory-rewind.ts'
import type { RewindTarget } from '../../sinks/rewind.ts'
import type { Opened } from './ports.ts'
import { runRewind } from './verb.ts'
import type { Verb } from './verb.ts'

const source = { cluster: 'c', topic: 't', partition: 0 }
const at = (next: number): Watermark => ({ epoch: 0, next, checkpoints: [], gaps: [], gapCount: 0 })
const verb: Verb = {
  pipeline: 'p',
  request: { partitions: [], fromLogStart: false, acceptNewTopic: false },
  onProgress: () => undefined,
  clock: { now: () => 0, sleep: () => Promise.reject(new Error('none of these gets as far as to wait')) },
}

/** Ten records, all of them read; a mapping that is enabled, and the ports that tests change. */
function world(next: number | undefined, more: Partial<Opened['ports']> = {}) {
  const store = memoryStore()
  if (next !== undefined) store.watermarks.set('c#t#0', at(next))
  let paused = false
  const ports: Opened['ports'] = {
    deadline: { remaining: () => 60_000, signal: new AbortController().signal },
    topic: 't',
    sourceOf: () => source,
    offsets: () => Promise.resolve([{ partition: 0, start: 0, end: 10 }]),
    asked: () => Promise.resolve(new Map([[0, 8]])),
    committed: () => Promise.resolve(new Map([[0, 10]])),
    firstRecord: (_, from, to) => Promise.resolve(from < to ? { offset: from, checksum: `${from}` } : undefined),
    standing: () => Promise.resolve([]),
    openLetters: () => Promise.resolve(0),
    pause: () => Promise.resolve(void (paused = true)),
    isPaused: () => Promise.resolve(paused),
    resume: () => Promise.resolve(void (paused = false)),
    moveGroup: () => Promise.resolve(),
    supersede: () => Promise.resolve(0),
    retire: () => Promise.resolve(0),
    ...more,
  }
  const sinks = [{ id: 'sql', chosen: true, target: memoryRewind(store, false) }]
  return { store, ports, sinks, isPaused: () => paused }
}

const away = () => Promise.reject(new WeirError('WEIR_STORE_UNAVAILABLE', { sink: 'sql', reason: 'away' }))

describe('D13: a rewind whose plan fails', () => {
  test('leaves the mapping as it was: enabled at first, disabled where another run was cut off', async () => {
    const at = world(10, { asked: away })
    await expect(runRewind(at, verb)).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE' })
    expect(at.isPaused()).toBe(false)

    const cut = world(10, { supersede: away })
    await expect(runRewind(cut, verb)).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE' })
    expect(cut.store.watermarks.get('c#t#0')!.rewind!.state).toBe('removing')
    await expect(runRewind({ ...cut, ports: { ...cut.ports, asked: away } }, verb)).rejects.toBeDefined()
    expect(cut.isPaused()).toBe(true)
  })
})

test('D2 D13: a sink that keeps every row leaves out what has a letter of all sinks; one of keys does not', async () => {
  const standing = () => Promise.resolve([8, 9])
  const asked = () => Promise.resolve(new Map([[0, 8]]))
  for (const [keyed, without] of [
    [false, [8, 9]],
    [true, undefined],
  ] as const) {
    const at = world(10, { standing, asked, isPaused: () => Promise.resolve(true) })
    const sinks = [{ id: 'sql', chosen: true, target: memoryRewind(at.store, keyed) }]
    await expect(runRewind({ ...at, sinks }, verb)).rejects.toMatchObject({ code: 'WEIR_USAGE' }) // paused: not read again
    expect(at.store.watermarks.get('c#t#0')!.rewind).toMatchObject({ state: 'reading', target: 8 })
    expect(at.store.watermarks.get('c#t#0')!.rewind!.without).toEqual(without)
  }
})

test('D1 D13: a source that an invocation from before began between plan and rewind is planned anew', async () => {
  const late = world(undefined, { committed: () => Promise.resolve(new Map([[0, 6]])) })
  const [sink] = late.sinks
  const change: RewindTarget['change'] = (of, to, deadline) => {
    if (!late.store.watermarks.has('c#t#0')) late.store.watermarks.set('c#t#0', at(4))
    return sink!.target.change(of, to, deadline)
  }
  const sinks = [{ ...sink!, target: { ...sink!.target, change } }]
  await expect(runRewind({ ...late, sinks }, verb)).rejects.toMatchObject({ code: 'WEIR_CONTENDED' })
  expect(late.store.watermarks.get('c#t#0')).toEqual(at(4))
})
