/**
 * Tombstones that delete, explored in both databases: puts and deletes of one key, of one partition and of two, while zombies bring
 * older rows late, and what is remembered of a delete is forgotten in the end.
 */
import { describe, test } from 'vitest'
import type { Item } from '../../src/aws/attribute.ts'
import type { Deadline } from '../../src/core/ports.ts'
import { dynamodbModel } from './dynamodb-world.ts'
import type { DynamoScenario, Plant } from './dynamodb-world.ts'
import { postgresModel } from './postgres-world.ts'
import type { PostgresScenario } from './postgres-world.ts'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'

const deletes = { deletes: true, forgets: 'in time' } as const

const inPostgres: readonly PostgresScenario[] = [
  { log: [['a', 'a_', 'a']], deliveries: 2, skips: 1, keyed: true, ...deletes },
  { log: [['a', 'a_']], deliveries: 3, keyed: true, ...deletes },
  { log: [['a', 'a_']], deliveries: 2, faults: 1, keyed: true, ...deletes },
  { log: [['a_@5'], ['a@4']], deliveries: 3, keyed: true, ...deletes },
  { log: [['a', 'a_']], deliveries: 2, rewinds: true, keyed: true, ...deletes },
]

const inDynamo: readonly DynamoScenario[] = [
  { log: [['a', 'a_', 'a']], deliveries: 2, skips: 1, writes: 'auto', ...deletes },
  { log: [['a', 'a_']], deliveries: 3, writes: 'put', ...deletes },
  { log: [['a', 'a_']], deliveries: 2, faults: 1, writes: 'auto', ...deletes },
  { log: [['a@3'], ['a_@4']], deliveries: 2, writes: 'put', ...deletes },
  { log: [['a', 'a_']], deliveries: 2, rewinds: true, writes: 'put', ...deletes },
]

/** Puts and deletes of both partitions; the timestamps of each ascend, as an order by log asks for. */
const longer = {
  log: [
    ['a@1', 'a_@4', 'b@6'],
    ['a@3', 'b_@5', 'a@7'],
  ],
  deliveries: 4,
  faults: 1,
  ...deletes,
} as const

describe('D1 D3 D4 D9 D13: a deleted key stays deleted until something newer comes, whoever comes late', () => {
  test.each(named(inPostgres))('PostgreSQL: $name', async ({ scenario }) =>
    expectClean('deletes in postgres', scenario, postgresModel(scenario)),
  )
  test.each(named(inDynamo))('DynamoDB: $name', async ({ scenario }) =>
    expectClean('deletes in dynamodb', scenario, dynamodbModel(scenario)),
  )
  test('PostgreSQL, by chance', async () => expectCleanWalks(postgresModel({ ...longer, keyed: true }), 40))
  test('DynamoDB, by chance', async () => expectCleanWalks(dynamodbModel({ ...longer, writes: 'auto' }), 40))
})

/** Items go as if nothing had been there. */
const noMarker: Plant = {
  dynamo: (dynamo) => ({
    call: <Output>(operation: string, input: object | string, deadline: Deadline) => {
      if (operation !== 'PutItem' || typeof input !== 'string') return dynamo.call<Output>(operation, input, deadline)
      const { Item: item, ...rest } = JSON.parse(input) as { Item: Item }
      const deleted = { ...rest, Key: { id: item.id } }
      return item._deleted
        ? dynamo.call<Output>('DeleteItem', deleted, deadline)
        : dynamo.call<Output>(operation, input, deadline)
    },
  }),
}

describe('D3 D4: the explorer sees each bug planted around deletes', () => {
  const twoPartitions = { log: [['a@3'], ['a_@4']], deliveries: 2, deletes: true } as const
  const wentBack = /^D3: key a went back from/
  test('DynamoDB: a delete without a marker', async () => {
    const scenario = { log: [['a', 'a_']], deliveries: 2, deletes: true, writes: 'put' } as const
    await expectFound('no marker in dynamodb', wentBack, dynamodbModel(scenario, noMarker))
  })
  test('DynamoDB: a marker forgotten too soon', async () => {
    const scenario = { log: [['a', 'a_']], deliveries: 2, ...deletes, forgets: 'too soon', writes: 'auto' } as const
    await expectFound('forgotten too soon in dynamodb', wentBack, dynamodbModel(scenario))
  })
  test('PostgreSQL: a delete that is not remembered', async () => {
    const model = postgresModel({ ...twoPartitions, keyed: true }, { noMarker: true })
    await expectFound('no marker in postgres', wentBack, model)
  })
  test('PostgreSQL: forgotten too soon', async () => {
    const model = postgresModel({ ...twoPartitions, forgets: 'too soon', keyed: true })
    await expectFound('forgotten too soon in postgres', wentBack, model)
  })
  test('PostgreSQL: puts and deletes of two partitions that do not wait for one another', async () => {
    const model = postgresModel({ ...twoPartitions, keyed: true }, { noTurn: true })
    await expectFound('no turns in postgres', wentBack, model)
  })
})
