/** What every exploration is held to. */
import { expect } from 'vitest'
import type { Parts } from '../../src/testing/explorer/explore.ts'
import { sample } from '../../src/testing/explorer/sample.ts'
import { exploreAll, toldOf } from './protocol-suite.ts'
import type { Explorable } from './protocol-suite.ts'

/** Rows of `test.each`, under the scenario's own text. */
export function named<Scenario>(scenarios: readonly Scenario[]) {
  return scenarios.map((scenario) => ({ scenario, name: JSON.stringify(scenario) }))
}

export async function expectClean<State extends Parts>(name: string, scenario: object, model: Explorable<State>) {
  const { violation, quiet, line } = await exploreAll(name, scenario, model)
  expect(violation, violation && toldOf(violation)).toBeUndefined()
  expect(quiet).toBeGreaterThan(0)
  // oxlint-disable-next-line no-console -- the size of the proof is part of its result
  console.log(line)
}

export async function expectCleanWalks<State extends Parts>(model: Explorable<State>, walks: number) {
  const { violation } = await sample(model, { walks, seed: 1 })
  expect(violation, violation && `seed ${violation.seed}\n${toldOf(violation)}`).toBeUndefined()
}

export async function expectFound<State extends Parts>(bug: string, found: RegExp, model: Explorable<State>) {
  const { violation } = await exploreAll(bug, {}, model)
  expect(violation?.what).toMatch(found)
  // oxlint-disable-next-line no-console -- the trace is the proof
  console.log(`${bug}: ${toldOf(violation!)}`)
}
