import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { merge } from './consume.ts'

async function* slowly(pause: number, values: readonly string[]): AsyncGenerator<string> {
  for (const value of values) {
    await sleep(pause)
    yield value
  }
}

/** Gives its values without end, and says when it is closed. */
async function* endless(closed: string[], signal: AbortSignal, name: string): AsyncGenerator<string> {
  try {
    while (!signal.aborted) {
      await sleep(1)
      yield name
    }
  } finally {
    closed.push(name)
  }
}

function silent(signal: AbortSignal): AsyncIterable<string> {
  const next = async (): Promise<IteratorResult<string>> => {
    while (!signal.aborted) await sleep(1)
    return { done: true, value: undefined }
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

async function all(
  streams: readonly AsyncIterable<string>[],
  stop = new AbortController(),
  timeoutMs?: number,
): Promise<string[]> {
  const values: string[] = []
  for await (const value of merge(streams, stop, timeoutMs)) values.push(value)
  return values
}

test('gives what comes, from whichever stream, each in its order', async () => {
  const values = await all([slowly(20, ['a1', 'a2']), slowly(1, ['b1', 'b2', 'b3']), slowly(0, [])])
  expect(values.filter((value) => value.startsWith('a'))).toEqual(['a1', 'a2'])
  expect(values.filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2', 'b3'])
  expect(values.indexOf('b1')).toBeLessThan(values.indexOf('a2'))
})

test('ends when nothing came in time', async () => {
  const stop = new AbortController()
  expect(await all([slowly(1, ['a', 'b']), silent(stop.signal)], stop, 50)).toEqual(['a', 'b'])
})

test('a stream that fails fails the whole', async () => {
  const stop = new AbortController()
  const failing = (async function* () {
    yield 'x'
    throw new Error('broker gone')
  })()
  await expect(all([failing, silent(stop.signal)], stop)).rejects.toThrow('broker gone')
})

test('a reader that leaves closes every stream, those with a value on its way too', async () => {
  const stop = new AbortController()
  const closed: string[] = []
  const streams = ['a', 'b', 'c'].map((name) => endless(closed, stop.signal, name))
  for await (const _ of merge(streams, stop)) {
    await sleep(10)
    break
  }
  expect(closed.sort()).toEqual(['a', 'b', 'c'])
})
