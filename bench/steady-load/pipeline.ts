/** What the steady load goes through: JSON into all three stores, keyed by an id that the bench can ask for. */
import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'

export default pipeline({
  name: 'steady',
  source: { topic: 'steady', partitions: 2, replication: 2, batch: { records: 1000 } },
  decode: json<{ id: string; n: number; note: string }>(),
  transform: ({ id, n, note }) => ({ id, n, note }),
  sinks: [
    s3({ id: 'lake', format: 'jsonl', compress: 'gzip' }),
    postgres({ id: 'sql', table: 'steady', key: ['id'], columns: { id: 'text', n: 'integer', note: 'text' } }),
    dynamodb({ id: 'kv', table: 'steady', partitionKey: 'id' }),
  ],
})
