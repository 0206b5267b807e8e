/**
 * What a careful person writes: Powertools to decode, one multi-row upsert, BatchWriteItem of 25 in parallel, one object a
 * batch, all stores at once. At least once: an event that comes twice is written twice, one that comes late replaces what is
 * newer.
 */
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { kafkaConsumer, SchemaType } from '@aws-lambda-powertools/kafka'
import type { ConsumerRecords, MSKEvent } from '@aws-lambda-powertools/kafka/types'
import { BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { BatchWriteItemCommandOutput, WriteRequest } from '@aws-sdk/client-dynamodb'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { Client } from 'pg'
import type { Contestant, Targets } from '../contestant.ts'
import type { BenchRow } from '../records.ts'

const zip = promisify(gzip)
/** DynamoDB, BatchWriteItem: "as many as 25". */
const MAX_ITEMS = 25
/** PostgreSQL counts parameters in 16 bits. */
const MAX_ROWS = 10_000

export async function careful(targets: Targets): Promise<Contestant> {
  const { stores, table, dynamodbTable, bucket, prefix } = targets
  const client = new Client({ ...targets.postgres })
  if (stores.includes('postgres')) await client.connect()
  const dynamo = new DynamoDBClient({ endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB! })
  const objects = new S3Client({ endpoint: process.env.AWS_ENDPOINT_URL_S3!, forcePathStyle: true })

  const putRows = async (rows: readonly BenchRow[]) => {
    for (let from = 0; from < rows.length; from += MAX_ROWS) {
      const part = rows.slice(from, from + MAX_ROWS)
      await client.query(
        upsert(table, part.length),
        part.flatMap(({ id, category, value, ts }) => [id, category, value, ts]),
      )
    }
  }
  const putObject = async (rows: readonly BenchRow[], name: string) => {
    const body = await zip(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await objects.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${name}.jsonl.gz`, Body: body }))
  }
  const putItems = (rows: readonly BenchRow[]) =>
    Promise.all(
      Array.from({ length: Math.ceil(rows.length / MAX_ITEMS) }, (_, i) =>
        putBatch(dynamo, dynamodbTable, rows.slice(i * MAX_ITEMS, (i + 1) * MAX_ITEMS)),
      ),
    )

  const write = async ({ records }: ConsumerRecords<unknown, BenchRow>) => {
    const rows = records.map(({ value: { id, category, value, ts } }) => ({ id, category, value, ts }))
    const newest = [...new Map(rows.map((row) => [row.id, row])).values()]
    const { topic, partition, offset } = records[0]!
    await Promise.all([
      stores.includes('postgres') && putRows(newest),
      stores.includes('s3') && putObject(rows, `${topic}-${partition}-${offset}`),
      stores.includes('dynamodb') && putItems(newest),
    ])
  }
  // Its types want those of a package that is not here.
  const handler = kafkaConsumer(write as unknown as Parameters<typeof kafkaConsumer>[0], {
    value: { type: SchemaType.JSON },
  })
  const context = {} as Parameters<typeof handler>[1]
  return {
    prepare: (event) => () => handler(event as unknown as MSKEvent, context),
    close: async () => {
      if (stores.includes('postgres')) await client.end()
    },
  }
}

const statements = new Map<string, string>()

/** The text is as long as the batch: kept for each length. */
function upsert(table: string, rows: number): string {
  const name = `${table} ${rows}`
  const known = statements.get(name)
  if (known !== undefined) return known
  const values = Array.from({ length: rows }, (_, i) => `($${i * 4 + 1},$${i * 4 + 2},$${i * 4 + 3},$${i * 4 + 4})`)
  const text = `INSERT INTO public.${table} (id, category, value, ts) VALUES ${values.join(',')} ON CONFLICT (id) DO UPDATE SET category = excluded.category, value = excluded.value, ts = excluded.ts`
  statements.set(name, text)
  return text
}

async function putBatch(dynamo: DynamoDBClient, table: string, rows: readonly BenchRow[]): Promise<void> {
  let requests: WriteRequest[] | undefined = rows.map(({ id, category, value, ts }) => ({
    PutRequest: { Item: { id: { S: id }, category: { S: category }, value: { N: `${value}` }, ts: { N: `${ts}` } } },
  }))
  while (requests && requests.length > 0) {
    const command = new BatchWriteItemCommand({ RequestItems: { [table]: requests } })
    const output: BatchWriteItemCommandOutput = await dynamo.send(command)
    requests = output.UnprocessedItems?.[table]
  }
}
