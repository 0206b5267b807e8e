import { describe, expect, test } from 'vitest'
import { json } from '../core/decode/json.ts'
import { pipeline } from '../core/pipeline.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { postgres } from '../sinks/postgres/index.ts'
import { s3 } from '../sinks/s3/index.ts'
import { changesOf } from './changes.ts'

type Spec = Parameters<typeof pipeline>[0]
const sql = { id: 'sql', table: 't', key: ['id'], columns: { id: 'text', n: 'integer', must: 'text not null' } }
const kv = { id: 'kv', table: 'ttt', partitionKey: 'id' }
const base: Spec = {
  name: 'p',
  source: { topic: 'a', batch: { records: 10 } },
  decode: json(),
  sinks: [s3({ id: 'lake' }), postgres(sql), dynamodb(kv)],
}
const sinks = (more: { sql?: object; kv?: object }) => [
  s3({ id: 'lake' }),
  postgres({ ...sql, ...more.sql }),
  dynamodb({ ...kv, ...more.kv }),
]
const change = (more: Partial<Spec>) => changesOf(pipeline(base), pipeline({ ...base, ...more }))

test('other code changes nothing of the definition', () => {
  expect(change({ transform: (value: unknown) => value, decode: json() })).toEqual({
    refused: [],
    definition: false,
    stores: false,
    mapping: false,
  })
})

describe('what is taken over', () => {
  test.each<[string, Partial<Spec>, { stores: boolean; mapping: boolean }]>([
    ['another topic', { source: { topic: 'b', batch: { records: 10 } } }, { stores: true, mapping: true }],
    ['another batch', { source: { topic: 'a', batch: { records: 20 } } }, { stores: false, mapping: true }],
    ['another timeout', { function: { timeoutSeconds: 5 } }, { stores: false, mapping: true }],
    ['another memory', { function: { memoryMb: 256 } }, { stores: false, mapping: false }],
    [
      'a column more',
      { sinks: sinks({ sql: { columns: { ...sql.columns, more: 'text' } } }) },
      { stores: true, mapping: false },
    ],
    [
      'a column less',
      { sinks: sinks({ sql: { columns: { id: 'text', must: 'text not null' } } }) },
      { stores: true, mapping: false },
    ],
    [
      'a column spelled otherwise',
      { sinks: sinks({ sql: { columns: { ...sql.columns, n: ' INTEGER ' } } }) },
      { stores: true, mapping: false },
    ],
    ['another table', { sinks: sinks({ sql: { table: 'u', key: undefined } }) }, { stores: true, mapping: false }],
    [
      'another format of objects',
      { sinks: [s3({ id: 'lake', compress: 'none' }), ...sinks({}).slice(1)] },
      { stores: true, mapping: false },
    ],
  ])('%s', (_, more, expected) => {
    expect(change(more)).toEqual({ refused: [], definition: true, ...expected })
  })
})

describe('what a running stack cannot take over', () => {
  test.each<[string, Partial<Spec>, string]>([
    ['another name', { name: 'q' }, 'its name was "p" and is "q"'],
    [
      'another number of partitions',
      { source: { topic: 'a', batch: { records: 10 }, partitions: 4 } },
      'topic a has 2 partitions, replication 2, and keeps them',
    ],
    ['another order', { order: 'timestamp' }, 'its order was "log", and rows that are there are placed by it'],
    [
      'another type',
      { sinks: sinks({ sql: { columns: { ...sql.columns, n: 'text' } } }) },
      'column "n" of table public.t is integer, the definition now says text',
    ],
    [
      'no value any more',
      { sinks: sinks({ sql: { columns: { id: 'text', n: 'integer' } } }) },
      'column "must" of table public.t must have a value',
    ],
    ['another key', { sinks: sinks({ sql: { key: ['id', 'n'] } }) }, 'table public.t has the key (id)'],
    [
      'other position columns',
      { sinks: sinks({ sql: { positionColumns: { src: 'source' } } }) },
      'table public.t has its position columns',
    ],
    ['another key of items', { sinks: sinks({ kv: { sortKey: 'n' } }) }, 'DynamoDB table ttt has its key'],
    [
      'another index',
      { sinks: sinks({ kv: { indexes: { byN: { partitionKey: 'n' } } } }) },
      'DynamoDB table ttt has its indexes',
    ],
    [
      'other position attributes',
      { sinks: sinks({ kv: { positionAttributes: { src: 's' } } }) },
      'DynamoDB table ttt has its position attributes',
    ],
  ])('%s', (_, more, fault) => {
    expect(change(more).refused).toEqual([fault])
  })

  test('an order is free where no row is placed by it', () => {
    const lake = { ...base, sinks: [s3({ id: 'lake' })] }
    expect(changesOf(pipeline(lake), pipeline({ ...lake, order: 'timestamp' })).refused).toEqual([])
  })
})
