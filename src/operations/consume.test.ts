import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { merge } from './consume.ts'

async function* slowly(pause: number, values: readonly string[]): AsyncGenerator<string> {
  for (const value of values) {
    await sleep(pause)
    yield value
  }
}

const never: AsyncIterable<string> = { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }

async function all(streams: readonly AsyncIterable<string>[], timeoutMs?: number): Promise<string[]> {
  const values: string[] = []
  for await (const value of merge(streams, timeoutMs)) values.push(value)
  return values
}

test('gives what comes, from whichever stream, each in its order', async () => {
  const values = await all([slowly(20, ['a1', 'a2']), slowly(1, ['b1', 'b2', 'b3']), slowly(0, [])])
  expect(values.filter((value) => value.startsWith('a'))).toEqual(['a1', 'a2'])
  expect(values.filter((value) => value.startsWith('b'))).toEqual(['b1', 'b2', 'b3'])
  expect(values.indexOf('b1')).toBeLessThan(values.indexOf('a2'))
})

test('ends when nothing came in time', async () => {
  expect(await all([slowly(1, ['a', 'b']), never], 50)).toEqual(['a', 'b'])
})

test('a stream that fails fails the whole', async () => {
  const failing = (async function* () {
    yield 'x'
    throw new Error('broker gone')
  })()
  await expect(all([failing, never])).rejects.toThrow('broker gone')
})
