/** What is measured: every combination of stores with every size of record and event. */
import type { Store } from './contestant.ts'
import { LARGE, SMALL } from './records.ts'
import type { ContestantName } from './start.ts'

export interface Combination {
  readonly name: string
  /** Module under pipelines/, and the pipeline's own name. */
  readonly pipeline: string
  readonly stores: readonly Store[]
  /** Whether the stub stands for DynamoDB, the ledger included; else DynamoDB Local does. */
  readonly stub: boolean
  /** Peers of a DynamoDB table whose items the stub keeps write one as well. */
  readonly kept?: boolean
  /** Values go to S3 as they are. No peer does so. */
  readonly raw?: boolean
}

export interface Cell {
  readonly combination: Combination
  readonly bytes: number
  readonly size: number
  /** Ids are drawn from so many, all of which are there before the clock starts: every write is an update. */
  readonly keys?: number
  readonly contestants: readonly ContestantName[]
}

export interface Plan {
  readonly cells: readonly Cell[]
  /** Milliseconds of handler time a turn. */
  readonly turnMs: number
  /** The same, where small records come 10,000 an event: the targets are about these. */
  readonly longTurnMs: number
  readonly turns: number
  /** Written before, and not counted: compilers and connections get warm. */
  readonly warmUpRecords: number
}

export const BOTH = 'S3 + PostgreSQL'
export const BOTH_LOCAL = 'S3 + PostgreSQL, the ledger in DynamoDB Local'

/** What the targets are about. */
export const TARGET_SIZE = 10_000

const combinations = {
  decode: { name: 'decode and transform', pipeline: 'decode', stores: [], stub: true },
  postgres: { name: 'PostgreSQL upsert', pipeline: 'postgres', stores: ['postgres'], stub: true },
  s3: { name: 'S3, decoded JSON (gzip)', pipeline: 's3', stores: ['s3'], stub: true },
  raw: { name: 'S3, raw lines', pipeline: 's3-raw', stores: ['s3'], stub: true, raw: true },
  dynamodb: { name: 'DynamoDB typed (stub)', pipeline: 'dynamodb', stores: ['dynamodb'], stub: true },
  kept: { name: 'DynamoDB typed (stub)', pipeline: 'dynamodb-kept', stores: ['dynamodb'], stub: true, kept: true },
  all: { name: 'all three (stub)', pipeline: 'all', stores: ['s3', 'postgres', 'dynamodb'], stub: true },
  both: { name: BOTH, pipeline: 's3-postgres', stores: ['s3', 'postgres'], stub: true },
  bothLocal: { name: BOTH_LOCAL, pipeline: 's3-postgres', stores: ['s3', 'postgres'], stub: false },
} satisfies Record<string, Combination>

const SIZES = [100, 500, 1_000, 10_000] as const
const KEYS = 10_000
/** An item at a time, 10,000 take as many seconds as 500 take half: the rate is the same. */
const NAIVE_ITEMS_AT_MOST = 500

function contestantsOf({ stores, raw }: Combination, size: number): ContestantName[] {
  if (raw) return ['weirhouse', 'ceiling']
  const all: ContestantName[] = ['weirhouse', 'careful', 'naive', 'ceiling']
  const slow = stores.includes('dynamodb') && size > NAIVE_ITEMS_AT_MOST
  return all.filter((name) => (name === 'ceiling' ? stores.length > 0 : name !== 'naive' || !slow))
}

function cell(combination: Combination, bytes: number, size: number, more: Partial<Cell> = {}): Cell {
  return { combination, bytes, size, contestants: contestantsOf(combination, size), ...more }
}

export function fullPlan(): Plan {
  const { decode, postgres, s3, raw, dynamodb, kept, all, both, bothLocal } = combinations
  return {
    turnMs: 200,
    longTurnMs: 500,
    turns: 3,
    warmUpRecords: 2_000,
    cells: [
      ...[decode, postgres, s3, raw, dynamodb, all].flatMap((each) =>
        [SMALL, LARGE].flatMap((bytes) => SIZES.map((size) => cell(each, bytes, size))),
      ),
      ...[postgres, kept].flatMap((each) => [1_000, 10_000].map((size) => cell(each, SMALL, size, { keys: KEYS }))),
      ...[both, bothLocal].flatMap((each) => [1, 10, ...SIZES].map((size) => cell(each, SMALL, size))),
    ],
  }
}

/** What the targets are about, once, in short turns. */
export function quickPlan(): Plan {
  const { decode, postgres, s3, raw, dynamodb, all, both } = combinations
  return {
    turnMs: 100,
    longTurnMs: 150,
    turns: 3,
    warmUpRecords: 1_000,
    cells: [
      ...[decode, postgres, s3, raw, dynamodb, all].map((each) => cell(each, SMALL, 10_000)),
      ...[postgres, s3, dynamodb, all].map((each) => cell(each, SMALL, 500)),
      ...[10, 100, 1_000].map((size) => cell(both, SMALL, size)),
    ],
  }
}

/** The combinations that have targets, ours alone. */
export function profiledCells(): Pick<Plan, 'cells'> {
  const { decode, postgres, s3, raw, dynamodb, all } = combinations
  return { cells: [decode, postgres, s3, raw, dynamodb, all].map((each) => cell(each, SMALL, 10_000)) }
}

/** As little as shows that everything works. */
export function tinyPlan(): Plan {
  return {
    turnMs: 0,
    longTurnMs: 0,
    turns: 1,
    warmUpRecords: 0,
    cells: [
      cell(combinations.all, LARGE, 20),
      cell(combinations.raw, SMALL, 20),
      cell(combinations.bothLocal, SMALL, 20, { contestants: ['weirhouse'] }),
      cell(combinations.kept, SMALL, 50, { keys: 100, contestants: ['weirhouse', 'careful'] }),
    ],
  }
}
