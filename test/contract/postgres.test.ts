import { describe, test } from 'vitest'
import type { ContractRow, SinkHarness } from '../../src/testing/contract-world.ts'
import { sinkContract } from '../../src/testing/sink-contract.ts'
import { watermarkOf, world } from './postgres-world.ts'

/** Both ways that rows travel are held to the whole contract. */
function harness(keyed: boolean, smallRows: number): SinkHarness {
  return {
    keyed,
    unencodable: (id) => ({ id, n: 2 ** 31, note: null }),
    create: async () => {
      const made = await world(keyed ? { key: ['id'] } : {})
      return {
        open: () => made.open({ smallRows }),
        rows: async () => (await made.rows()) as unknown as ContractRow[],
        gaps: async (partition) => (await watermarkOf(made, partition))?.gaps ?? [],
        dispose: () => made[Symbol.asyncDispose](),
      }
    },
  }
}

describe.each([
  ['keyed, one statement', true, 500],
  ['keyed, COPY', true, 0],
  ['append, one statement', false, 500],
  ['append, COPY', false, 0],
] as const)('PostgreSQL sink, %s', (_, keyed, smallRows) => {
  for (const { name, run } of sinkContract(harness(keyed, smallRows))) test(name, run)
})
