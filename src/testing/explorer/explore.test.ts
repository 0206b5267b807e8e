import { expect, test } from 'vitest'
import { canonicalJson, explore } from './explore.ts'
import type { Model } from './explore.ts'

/** Two processes that each read a counter and write it back one higher; atomic or not. */
type Counter = readonly [number, ...{ readonly read: number | null; readonly done: boolean }[]]

function counter(atomic: boolean): Model<Counter> {
  return {
    initial: [0, { read: null, done: false }, { read: null, done: false }],
    next: function* ([value, ...processes]) {
      for (const [i, { read, done }] of processes.entries()) {
        if (done) continue
        const as = (process: Counter[1], after: number) => [after, ...processes.with(i, process)] as const
        if (read === null && !atomic) yield { label: `#${i} reads`, state: as({ read: value, done }, value) }
        else yield { label: `#${i} writes`, state: as({ read: null, done: true }, (read ?? value) + 1) }
      }
    },
    violation: ([value, ...processes]) => {
      const done = processes.filter((process) => process.done).length
      return value < done ? `${done} increments, but ${value}` : undefined
    },
  }
}

test('visits every state once and finds nothing wrong where nothing is', () => {
  expect(explore(counter(true), 100)).toEqual({ states: 4, steps: 4 })
})

test('finds the lost update, by a shortest trace', () => {
  const { violation } = explore(counter(false), 100)
  expect(violation?.what).toBe('2 increments, but 1')
  expect(violation?.trace).toEqual(['#0 reads', '#1 reads', '#0 writes', '#1 writes'])
})

test('says so when the model is larger than the limit, instead of stopping in silence', () => {
  expect(() => explore(counter(false), 3)).toThrow('more than 3 states')
})

test('equal values have equal text, whatever the order of their names', () => {
  expect(canonicalJson({ b: [1, null], a: { d: undefined, c: 'x' } })).toBe('{"a":{"c":"x"},"b":[1,null]}')
})
