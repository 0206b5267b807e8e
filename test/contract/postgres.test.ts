import { describe, test } from 'vitest'
import { sinkContract } from '../../src/testing/sink-contract.ts'
import { contractHarness, world } from './postgres-world.ts'

/** The ways that rows travel are held to the whole contract; the other two are in postgres-role.test.ts. */
describe.each([
  ['keyed, one statement', true, 500],
  ['append', false, undefined],
] as const)('PostgreSQL sink, %s', (_, keyed, smallRows) => {
  for (const { name, run } of sinkContract(contractHarness(world, keyed, smallRows))) test(name, run)
})
