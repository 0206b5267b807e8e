/** The acceptance suite of the sink contract on DynamoDB Local, begun with inserts, with updates, and with puts alone. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { sinkContract } from '../../src/testing/index.ts'
import type { ContractRow, SinkHarness } from '../../src/testing/index.ts'
import { clients } from './dynamodb-kit.ts'
import { sinkTarget } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const harness = (how: { readonly writes: 'auto' | 'put'; readonly updating?: boolean }): SinkHarness => ({
  keyed: true,
  rewinds: true,
  deletes: true,
  unencodable: (id) => ({ id, n: 1, note: 'x'.repeat(410 * 1024) }),
  create: async ({ order = 'log', deletes = false } = {}) => {
    const target = await sinkTarget(aws, { ...how, order, ...(deletes ? { deletes: {} } : {}) })
    return {
      open: () => target.open(),
      rows: async () => (await target.items()).map(({ id, n, note }) => ({ id, n, note }) as ContractRow),
      gaps: async (partition) => (await target.watermark(partition))?.gaps ?? [],
      rewind: () => target.rewind(),
      dispose: () => target.dispose(),
    }
  },
})

describe('DynamoDB sink', () => {
  for (const { name, run } of sinkContract(harness({ writes: 'auto' }))) test(name, run)
})

describe('DynamoDB sink, updates first', () => {
  for (const { name, run } of sinkContract(harness({ writes: 'auto', updating: true }))) test(name, run)
})

/** DynamoDB Local takes some 500 single puts a second: the large batch goes by inserts above. */
const small = ({ name }: { readonly name: string }) => !name.startsWith('D11')

describe('DynamoDB sink, one put an item', () => {
  for (const { name, run } of sinkContract(harness({ writes: 'put' })).filter(small)) test(name, run)
})
