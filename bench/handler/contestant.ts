import type { KafkaEvent } from '../../src/testing/index.ts'

/** Whoever writes events to stores: ours, its peers, and what a store can take at most. */
export interface Contestant {
  /** Off the clock: what there is to prepare. What it gives writes the event, and is measured. */
  prepare(event: KafkaEvent): () => Promise<unknown>
  close(): Promise<void>
}

export type Store = 's3' | 'postgres' | 'dynamodb'

/** Where a contestant writes. Names are its own: no two write the same table. */
export interface Targets {
  readonly stores: readonly Store[]
  /** Values go to S3 as they are, one a line, uncompressed. */
  readonly raw: boolean
  readonly table: string
  readonly dynamodbTable: string
  readonly bucket: string
  readonly prefix: string
  readonly postgres: PostgresAddress
}

export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}
