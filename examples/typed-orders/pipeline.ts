/**
 * Orders with a schema: each order is one row in PostgreSQL and one item in DynamoDB, its newest revision, and every
 * revision is a line in S3. An order that does not fit the schema becomes a dead letter.
 */
import * as v from 'valibot'
import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'

/** Money travels as text: a JSON number would pass through a float. */
const Order = v.object({
  id: v.string(),
  revision: v.pipe(v.number(), v.integer()),
  customer: v.string(),
  total: v.pipe(v.string(), v.decimal()),
  placed: v.pipe(v.string(), v.isoTimestamp()),
})

export default pipeline({
  name: 'orders',
  source: { topic: 'orders', batch: { records: 1000, windowSeconds: 5 } },
  decode: json(Order),
  transform: ({ customer, ...order }) => ({ ...order, customer: customer.toLowerCase() }),
  order: ({ revision }) => revision,
  sinks: [
    s3({ id: 'lake', compress: 'zstd', date: true }),
    postgres({
      id: 'sql',
      table: 'orders',
      key: ['id'],
      columns: {
        id: 'text',
        revision: 'integer',
        customer: 'text not null',
        total: 'numeric(12,2)',
        placed: 'timestamptz',
      },
    }),
    dynamodb({ id: 'kv', table: 'orders', partitionKey: 'id', numbers: ['total'] }),
  ],
})
