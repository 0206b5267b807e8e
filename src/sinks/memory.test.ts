import { describe, test } from 'vitest'
import type { ContractRow, SinkHarness } from '../testing/contract-world.ts'
import { CLUSTER, TOPIC } from '../testing/contract-world.ts'
import { sinkContract } from '../testing/sink-contract.ts'
import { memoryRewind } from './memory-rewind.ts'
import { memory, memoryStore } from './memory.ts'

const idOf = (row: unknown) => (row as ContractRow).id

function harness(keyed: boolean): SinkHarness {
  return {
    keyed,
    rewinds: true,
    deletes: keyed,
    create: ({ order = 'log', deletes = false } = {}) => {
      const store = memoryStore()
      const definition = memory({ id: 'memory', store, ...(keyed ? { keyOf: idOf } : {}) })
      return Promise.resolve({
        open: () =>
          definition.open({
            pipeline: 'contract',
            order,
            ...(deletes ? { deletes: {} } : {}),
            binding: {},
            ledger: noLedger,
            log: () => undefined,
          }),
        rows: () => Promise.resolve([...store.rows.values()].map(({ row }) => row as ContractRow)),
        gaps: (partition) => Promise.resolve(store.watermarks.get(`${CLUSTER}#${TOPIC}#${partition}`)?.gaps ?? []),
        rewind: () => memoryRewind(store, keyed),
        dispose: () => Promise.resolve(),
      })
    },
  }
}

const noLedger = {
  read: () => Promise.reject(new Error('the memory sink has no ledger')),
  compareAndSet: () => Promise.reject(new Error('the memory sink has no ledger')),
}

describe.each([
  ['keyed', true],
  ['append', false],
] as const)('memory sink, %s', (_, keyed) => {
  for (const { name, run } of sinkContract(harness(keyed))) test(name, run)
})
