/**
 * The pipeline of the brief: takes any message that a console producer can send to `demo_topic`, and keeps it, unaltered,
 * in all three stores under its position in the log.
 */
import { any, keyText, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'

export default pipeline({
  name: 'demo',
  source: { topic: 'demo_topic', partitions: 2, replication: 2, batch: { records: 1000 } },
  decode: any(),
  tombstone: 'keep',
  transform: (message, record) => ({
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestamp,
    key: keyText(record),
    kind: message?.kind ?? 'tombstone',
    value: message?.value ?? null,
  }),
  sinks: [
    s3({ id: 'lake', format: 'jsonl', compress: 'gzip' }),
    postgres({
      id: 'sql',
      table: 'demo',
      key: ['topic', 'partition', 'offset'],
      columns: {
        topic: 'text',
        partition: 'integer',
        offset: 'bigint',
        timestamp: 'bigint',
        key: 'text',
        kind: 'text',
        value: 'jsonb',
      },
    }),
    dynamodb({
      id: 'kv',
      table: 'demo',
      partitionKey: { name: 'partition', type: 'N' },
      sortKey: { name: 'offset', type: 'N' },
    }),
  ],
})
