/** The pipelines that are measured: the same decode and transform, one sink or several. */
import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'

interface Message {
  readonly id: string
  readonly category: string
  readonly value: number
  readonly ts: number
}

type Sinks = Parameters<typeof pipeline>[0]['sinks']

export function benchPipeline(name: string, sinks: Sinks) {
  return pipeline({
    name,
    source: { topic: 'bench' },
    decode: json<Message>(),
    transform: ({ id, category, value, ts }) => ({ id, category, value, ts }),
    sinks,
  })
}

export const lake = () => s3({ id: 'lake', format: 'jsonl', compress: 'gzip' })

export const sql = (table: string) =>
  postgres({
    id: 'sql',
    table,
    key: ['id'],
    columns: { id: 'text', category: 'text', value: 'double precision', ts: 'bigint' },
  })

export const kv = (table: string) => dynamodb({ id: 'kv', table, partitionKey: 'id' })
