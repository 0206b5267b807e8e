/** What is measured end to end: stores, records a batch, function environments. */
import type { Store } from '../handler/contestant.ts'

export interface EndToEndRun {
  readonly name: string
  /** Of bench/pipelines. */
  readonly pipeline: string
  readonly stores: readonly Store[]
  /** Records an invocation at most. */
  readonly batch: number
  /** Function environments at most. */
  readonly environments: number
}

export interface EndToEndPlan {
  /** Preloaded, in all partitions together. */
  readonly records: number
  readonly partitions: number
  readonly runs: readonly EndToEndRun[]
}

const postgres = { name: 'PostgreSQL upsert', pipeline: 'postgres', stores: ['postgres'] } as const
const s3 = { name: 'S3, decoded JSON (gzip)', pipeline: 's3', stores: ['s3'] } as const
const raw = { name: 'S3, raw lines', pipeline: 's3-raw', stores: ['s3'] } as const
const dynamodb = { name: 'DynamoDB typed (stub)', pipeline: 'dynamodb', stores: ['dynamodb'] } as const
const all = { name: 'all three (stub)', pipeline: 'all', stores: ['s3', 'postgres', 'dynamodb'] } as const
const PARTITIONS = 16

export function fullEndToEnd(): EndToEndPlan {
  const environments = [1, 2] as const
  return {
    records: 2_000_000,
    partitions: PARTITIONS,
    runs: [
      ...[postgres, s3, raw, dynamodb, all].flatMap((each) =>
        environments.map((count) => ({ ...each, batch: 10_000, environments: count })),
      ),
      ...[postgres, s3].flatMap((each) =>
        environments.map((count) => ({ ...each, batch: 1_000, environments: count })),
      ),
    ],
  }
}

export function quickEndToEnd(): EndToEndPlan {
  return {
    records: 100_000,
    partitions: PARTITIONS,
    runs: [
      ...[postgres, s3, raw, dynamodb, all].map((each) => ({ ...each, batch: 10_000, environments: 2 })),
      { ...postgres, batch: 1_000, environments: 2 },
    ],
  }
}

export function tinyEndToEnd(): EndToEndPlan {
  return { records: 2_000, partitions: 4, runs: [{ ...all, batch: 1_000, environments: 2 }] }
}
