import { describe, expect, test } from 'vitest'
import orders from '../../examples/typed-orders/pipeline.ts'
import demo from '../../pipelines/demo.ts'
import { json, pipeline } from '../index.ts'
import { ddl } from '../sinks/postgres/index.ts'
import type { PostgresOptions } from '../sinks/postgres/index.ts'
import { parseKey, s3 } from '../sinks/s3/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { planOf } from './plan.ts'

const onDemand = { polling: { mode: 'onDemand' } } as const
const storeIn = (plan: ReturnType<typeof planOf>, id: string) => plan.sinks.find((sink) => sink.id === id)!.store

describe('the pipeline of the brief', () => {
  const plan = planOf(demo, onDemand)

  test('topic, batch and function, with the window that the service takes where none is given', () => {
    expect(plan).toMatchObject({
      name: 'demo',
      topic: { name: 'demo_topic', partitions: 2, replication: 2 },
      batch: { records: 1000, windowSeconds: 0.5 },
      function: { memoryMb: 512, timeoutSeconds: 60 },
      order: 'log',
      tombstone: 'keep',
    })
  })

  test('objects: a pattern, and a key that reads back', () => {
    const store = storeIn(plan, 'lake')
    expect(store).toMatchObject({
      prefix: 'demo/lake/demo_topic/',
      keyPattern: 'demo/lake/demo_topic/<partition>-<first offset>-<last offset>.jsonl.gz',
    })
    if (store.kind !== 's3') throw new Error(store.kind)
    expect(parseKey(store.prefix, store.exampleKey)).toMatchObject({ partition: 0, first: 0, last: 999 })
  })

  test('the table: its key, and the statements that `migrate` runs', () => {
    const sql = demo.sinks.find(({ id }) => id === 'sql') as SinkDefinition<PostgresOptions>
    expect(storeIn(plan, 'sql')).toEqual({
      kind: 'postgres',
      table: 'public.demo',
      key: ['topic', 'partition', 'offset'],
      ddl: ddl(sql, 'log'),
    })
  })

  test('items: partition key and sort key', () => {
    expect(storeIn(plan, 'kv')).toEqual({
      kind: 'dynamodb',
      table: 'demo',
      partitionKey: { name: 'partition', type: 'N' },
      sortKey: { name: 'offset', type: 'N' },
      indexes: {},
    })
  })

  test('it is data: JSON holds all of it', () => {
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
  })
})

test('dated keys, another compression, the order of the rows themselves', () => {
  const plan = planOf(orders, onDemand)
  expect(plan).toMatchObject({ order: 'version', batch: { records: 1000, windowSeconds: 5 } })
  expect(storeIn(plan, 'lake')).toMatchObject({
    keyPattern: 'orders/lake/orders/date=<day>/<partition>-<first offset>-<last offset>.jsonl.zst',
  })
  const table = storeIn(plan, 'sql')
  expect(table.kind === 'postgres' && table.ddl.join('\n')).toContain('"_version"')
})

test('a topic named like a key, and indexes', () => {
  const plan = planOf(
    pipeline({
      name: 'p',
      source: { topic: '000000-0000000000000000-1' },
      decode: json(),
      sinks: [
        s3({ id: 'lake', prefix: 'a/date=b', compress: 'none' }),
        dynamodb({
          id: 'kv',
          table: 'items',
          partitionKey: 'id',
          indexes: { byOwner: { partitionKey: 'owner', sortKey: { name: 'at', type: 'N' } } },
        }),
      ],
    }),
    onDemand,
  )
  expect(storeIn(plan, 'lake')).toMatchObject({
    keyPattern: 'a/date=b/p/lake/000000-0000000000000000-1/<partition>-<first offset>-<last offset>.jsonl',
  })
  expect(storeIn(plan, 'kv')).toMatchObject({
    partitionKey: { name: 'id', type: 'S' },
    sortKey: null,
    indexes: { byOwner: { partitionKey: { name: 'owner', type: 'S' }, sortKey: { name: 'at', type: 'N' } } },
  })
})
