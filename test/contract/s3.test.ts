/** The whole sink contract on a real bucket, with the ledger in DynamoDB as it ships. */
import { describe, test } from 'vitest'
import { ledgerTable, openDynamoLedger } from '../../src/sinks/ledger-dynamodb.ts'
import type { ContractRow, SinkHarness } from '../../src/testing/contract-world.ts'
import { sinkContract } from '../../src/testing/sink-contract.ts'
import { clients, createTable, fresh } from './dynamodb-kit.ts'
import { s3World } from './s3-world.ts'

function harness(compress: 'gzip' | 'zstd' | 'none', date: boolean): SinkHarness {
  return {
    keyed: false,
    rewinds: true,
    unencodable: (id) => ({ id, n: Number.NaN, note: null }),
    create: async () => {
      const aws = clients()
      const table = await createTable(aws, ledgerTable(fresh('ledger')))
      const world = await s3World({ compress, date }, openDynamoLedger({ table, client: aws.dynamodb }))
      return {
        open: () => Promise.resolve(world.open()),
        rows: async () => (await world.rows()) as ContractRow[],
        gaps: async (partition) => (await world.item(partition))?.gaps ?? [],
        rewind: () => world.rewind(),
        dispose: () => Promise.resolve(aws.close()),
      }
    },
  }
}

describe.each([
  ['gzip', false],
  ['zstd', true],
] as const)('S3 sink, %s, by date: %s', (compress, date) => {
  for (const { name, run } of sinkContract(harness(compress, date))) test(name, run)
})
