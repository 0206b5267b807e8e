import { expect, test } from 'vitest'
import { replayed } from './replay.ts'
import type { Port } from './replay.ts'

/** Reads twice at once, then writes the sum; remembers how many inputs it has had. */
function adder(port: Port) {
  let inputs = 0
  return async (name: string) => {
    inputs++
    const [a, b] = (await Promise.all([port({ read: `${name}1` }), port({ read: `${name}2` })])) as [number, number]
    await port({ write: a + b, inputs })
    return 'done'
  }
}

test('a program stops at its calls, and goes on with what they are answered, in any order', async () => {
  const machine = replayed(adder)
  const asked = await machine.give(machine.start, { input: 'x' })
  expect(machine.at(asked).calls).toEqual([
    { id: 0, request: { read: 'x1' } },
    { id: 1, request: { read: 'x2' } },
  ])
  const half = await machine.give(asked, { id: 1, answer: 5 })
  const summed = await machine.give(half, { id: 0, answer: 3 })
  expect(machine.at(summed).calls).toEqual([{ id: 2, request: { write: 8, inputs: 1 } }])
  expect(machine.at(summed)).not.toHaveProperty('outcome')
  const done = await machine.give(summed, { id: 2, answer: null })
  expect(machine.at(done)).toMatchObject({ calls: [], outcome: 'done' })
  const again = await machine.give(done, { input: 'y' })
  expect(machine.at(again).calls.map(({ id }) => id)).toEqual([3, 4])
})

test('another answer at the same point starts from the same state; the same answer is not tried twice', async () => {
  const machine = replayed(adder)
  const asked = await machine.give(machine.start, { input: 'x' })
  const sums: unknown[] = []
  for (const answer of [1, 2, 1]) {
    const half = await machine.give(asked, { id: 0, answer })
    const summed = await machine.give(half, { id: 1, answer: 10 })
    sums.push(machine.at(summed).calls[0]!.request)
  }
  expect(sums).toEqual([
    { write: 11, inputs: 1 },
    { write: 12, inputs: 1 },
    { write: 11, inputs: 1 },
  ])
  expect(machine.runs()).toBe(5)
})

test('code whose way is not decided by its answers is told, not explored', async () => {
  let chance = 0
  const machine = replayed((port: Port) => async () => {
    if (chance++ === 0) await port('first')
    return port('second')
  })
  const asked = await machine.give(machine.start, { input: null })
  await machine.give(asked, { id: 0, answer: 1 })
  await expect(Promise.resolve(machine.give(asked, { id: 0, answer: 2 }))).rejects.toThrow('led another way')
})
