/** What one writes first: record by record, a row and an item at a time; to S3 the batch as one object. At least once. */
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import type { Contestant, Targets } from '../contestant.ts'
import type { BenchRow } from '../records.ts'

export async function naive(targets: Targets): Promise<Contestant> {
  const { stores, table, dynamodbTable, bucket, prefix } = targets
  const client = new Client({ ...targets.postgres })
  if (stores.includes('postgres')) await client.connect()
  const dynamo = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB! })
  const objects = new S3Client({ endpoint: process.env.AWS_ENDPOINT_URL_S3!, forcePathStyle: true })
  const text = `INSERT INTO public.${table} (id, category, value, ts) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO UPDATE SET category = excluded.category, value = excluded.value, ts = excluded.ts`
  return {
    prepare: (event) => async () => {
      const rows: BenchRow[] = []
      for (const records of Object.values(event.records))
        for (const record of records) {
          const row = JSON.parse(Buffer.from(record.value!, 'base64').toString()) as BenchRow
          rows.push(row)
          const { id, category, value, ts } = row
          if (stores.includes('postgres')) await client.query(text, [id, category, value, ts])
          if (stores.includes('dynamodb')) {
            const Item = { id: { S: id }, category: { S: category }, value: { N: `${value}` }, ts: { N: `${ts}` } }
            await dynamo.send(new PutItemCommand({ TableName: dynamodbTable, Item }))
          }
        }
      if (!stores.includes('s3')) return
      const { topic, partition, offset } = Object.values(event.records)[0]![0]!
      const Body = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
      await objects.send(
        new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${topic}-${partition}-${offset}.jsonl`, Body }),
      )
    },
    close: async () => {
      if (stores.includes('postgres')) await client.end()
    },
  }
}
