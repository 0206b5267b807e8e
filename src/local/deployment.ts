/** How a pipeline is named and bound in a local stack. Pure: on AWS the constructs answer the same questions. */
import type { Bindings } from '../core/bindings.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { SinkDefinition, SinkKind } from '../sinks/sink.ts'
import type { AwsEndpoint, PostgresEndpoint } from './service.ts'

export const RECORDS_BUCKET = 'weirhouse-records'
export const LEDGER_TABLE = 'weirhouse-ledger'
export const DEAD_LETTERS = { table: 'weirhouse-dead-letters', bucket: 'weirhouse-dead-letters' } as const

export interface Stores {
  readonly postgres: PostgresEndpoint
  readonly dynamodb: AwsEndpoint
  readonly s3: AwsEndpoint
}

export function functionName(pipeline: Pick<Pipeline, 'name'>): string {
  return `weirhouse-${pipeline.name}`
}

export function bindingsOf(pipeline: Pipeline, { postgres }: Pick<Stores, 'postgres'>): Bindings {
  return {
    sinks: Object.fromEntries(pipeline.sinks.map((sink) => [sink.id, sinkBinding(sink, postgres)])),
    ledger: { table: LEDGER_TABLE },
    deadLetters: DEAD_LETTERS,
  }
}

function sinkBinding(sink: SinkDefinition, postgres: PostgresEndpoint): Record<string, unknown> {
  const options = sink.options as Readonly<Record<string, unknown>>
  const bindings: Record<SinkKind, Record<string, unknown>> = {
    s3: { bucket: RECORDS_BUCKET, prefix: options.prefix ?? '' },
    postgres: { ...postgres, ssl: 'off' },
    dynamodb: { table: options.table },
    memory: {},
    custom: { ...sink.binding },
  }
  return bindings[sink.kind]
}

/** The function's environment beyond what Lambda itself sets. */
export function functionEnvironment(pipeline: Pipeline, stores: Stores): Record<string, string> {
  return {
    WEIRHOUSE_BINDINGS: JSON.stringify(bindingsOf(pipeline, stores)),
    AWS_REGION: stores.dynamodb.region,
    AWS_ACCESS_KEY_ID: stores.dynamodb.accessKeyId,
    AWS_SECRET_ACCESS_KEY: stores.dynamodb.secretAccessKey,
    AWS_ENDPOINT_URL_S3: stores.s3.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: stores.dynamodb.endpoint,
  }
}
