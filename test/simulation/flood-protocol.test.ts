/**
 * The flood gate (D7), explored: in every order of requests, with every cut, crash, zombie and lost answer, before and after a person
 * deploys a definition that reads what was poison.
 */
import { describe, expect, test } from 'vitest'
import { sample } from '../../src/testing/explorer/sample.ts'
import { forgottenOnce, lettersFirst, noCompareAndSet, nothingForgotten, positionsNotKept } from './flood-plants.ts'
import { floodModel } from './flood-world.ts'
import type { FloodPlant, FloodScenario } from './flood-world.ts'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'

const mayHalt = 'WEIR_POISON_FLOOD'

const clean: readonly FloodScenario[] = [
  { log: [['a#', 'b-', 'c#']], deliveries: 2, allowed: 2 },
  { log: [['a#', 'b#']], deliveries: 3, allowed: 1, mayHalt },
  { log: [['a#', 'b#']], deliveries: 2, skips: 1, allowed: 2 },
  { log: [['a#', 'b#']], deliveries: 2, faults: 1, allowed: 2 },
  { log: [['a#', 'b#'], ['b#']], deliveries: 2, allowed: 1, mayHalt },
  { log: [['a#', 'b#', 'c#']], deliveries: 2, warm: true, allowed: 1, mayHalt },
  { log: [['a#', 'b-', 'c#']], deliveries: 2, compactable: [1], allowed: 2 },
  { log: [['a#', 'b-*198', 'c#']], deliveries: 2, allowed: 1, mayHalt },
  { log: [['a~', 'b~', 'c#']], deliveries: 3, allowed: 1, mends: true, mayHalt },
]

/** 200 records and one, more than are explored. */
const longer: readonly FloodScenario[] = [
  { log: [['a#', 'b-*199', 'c#']], deliveries: 3, faults: 1, allowed: 1 },
  { log: [['a~', 'b#', 'c~', 'd-', 'e#']], deliveries: 5, faults: 1, warm: true, allowed: 2, mends: true, mayHalt },
]

describe('D4 D7: no more poison than its share is let in, and a healthy stream is never held up', () => {
  test.each(named(clean))('$name', async ({ scenario }) => expectClean('flood gate', scenario, floodModel(scenario)))

  test.each(named(longer))('$name, by chance', async ({ scenario }) => expectCleanWalks(floodModel(scenario), 40))
})

interface Planted {
  readonly bug: string
  readonly plant: FloodPlant
  readonly scenario: FloodScenario
  readonly found: RegExp
}

const planted: readonly Planted[] = [
  {
    bug: 'positions not kept',
    plant: positionsNotKept,
    scenario: { log: [['a#', 'b#']], deliveries: 2, allowed: 1, mayHalt },
    found: /^D7: 2 records up to 1 were let in, where 1 may be/,
  },
  {
    bug: 'positions without compare-and-set',
    plant: noCompareAndSet,
    scenario: { log: [['a#', 'b#', 'c#']], deliveries: 3, allowed: 2, mayHalt },
    found: /^D7: 3 records up to 2 were let in, where 2 may be/,
  },
  {
    bug: 'dead letters before the positions',
    plant: lettersFirst,
    scenario: { log: [['a#', 'b#']], deliveries: 2, allowed: 1, mayHalt },
    found: /^D7: 2 records up to 1 were let in, where 1 may be/,
  },
  {
    bug: 'nothing forgotten once a halt is past',
    plant: nothingForgotten,
    scenario: { log: [['a~', 'b~', 'c#']], deliveries: 3, allowed: 1, mends: true, mayHalt },
    found: /^D1: the live invocation halted with WEIR_POISON_FLOOD/,
  },
]

describe('D7: the explorer sees each bug planted around the flood gate', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, floodModel(scenario, plant)),
  )

  // the fault that the explorer found in what shipped
  test('forgotten, but for a zombie that brings it again', async () => {
    const scenario: FloodScenario = { log: [['a~', 'b~', 'c#']], deliveries: 4, allowed: 1, mends: true, mayHalt }
    const { violation } = await sample(floodModel(scenario, forgottenOnce), { walks: 1_000, seed: 1 })
    expect(violation?.what).toMatch(/^D1: the live invocation halted with WEIR_POISON_FLOOD/)
  })
})
