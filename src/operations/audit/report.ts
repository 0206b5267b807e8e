import type { SinkKind } from '../../sinks/sink.ts'

/** What can be wrong with a store. docs/operations.md, "Audit", says of each what to do. */
export const faultWords = ['missing', 'duplicated', 'different', 'outOfOrder', 'foreign'] as const
export type Fault = (typeof faultWords)[number]

/** One fault, for a person: where, and what. Names of fields and keys of rows, no other content. */
export interface Example {
  /** `topic/partition@offset`, or the key, object or item where no record is known. */
  readonly position: string
  readonly fault: string
}

/** Offsets that no event brought to a sink, as its watermark lists them, or that the group has passed. Both ends inclusive. */
export interface SinkGap {
  readonly partition: number
  readonly first: number
  readonly last: number
  /** Records that stand there in the log nevertheless: the mapping skipped them. */
  readonly records: number
  readonly why: string
}

/** What one sink holds, in rows. Without faults every count of `faultWords` is 0. */
export interface SinkAudit extends Readonly<Record<Fault, number>> {
  readonly kind: SinkKind
  /** Rows that the log asks for and that should have been delivered by now: of a keyed table the newest of each key. */
  readonly expected: number
  /** Rows found in the store, right or wrong. */
  readonly stored: number
  /** Records that have a dead letter for this sink instead of rows. */
  readonly deadLettered: number
  /** Rows that the log asks for, of records that the sink's watermark has not reached yet. */
  readonly notYet: number
  /** Rows of records that the log has no longer: not compared. */
  readonly beyondRetention: number
  /** Items that the log asks for and whose time to live has passed: the store removed them, as it was told to. */
  readonly expired: number
  /** Rows of records from outside the audited part of the log, or that came after the audit began: not compared. */
  readonly outside: number
  /** Offsets that no event brought to the sink: gaps recorded ever, records of the log in them, and the worst by name. */
  readonly gaps: { readonly recorded: number; readonly skipped: number; readonly listed: readonly SinkGap[] }
  /** The first faults, as many as were asked for. */
  readonly examples: readonly Example[]
}

/** Why the log has no record at these offsets, from the log itself. */
export const gapCauses = ['marker', 'aborted', 'compaction', 'expired', 'unknown', 'unexplained'] as const
export type GapCause = (typeof gapCauses)[number]

/** Offsets without a record, both inclusive. */
export interface LogGap {
  readonly partition: number
  readonly first: number
  readonly last: number
  readonly why: GapCause
}

/** Dead letters that contradict the log. */
export interface LettersAudit {
  /** Letters of records that the definition, as it is now, takes: none was due, or it has been bettered since. */
  readonly unfounded: number
  /** Letters that hold other bytes than the log. */
  readonly different: number
  /** Letters of positions that hold no record. */
  readonly foreign: number
  readonly beyondRetention: number
  readonly examples: readonly Example[]
}

export interface AuditReport {
  readonly pipeline: string
  readonly topic: string
  /** Records of the audited part of the log; transaction markers are none. */
  readonly produced: number
  /** What was read: [start, end) of each partition. */
  readonly partitions: readonly { readonly partition: number; readonly start: number; readonly end: number }[]
  /** Dead letters of this pipeline, one a record and sink (or one for all sinks). */
  readonly deadLetters: number
  readonly letters: LettersAudit
  /** Offsets of the audited part that hold no record, by cause, and the first of the ranges. */
  readonly gaps: Readonly<Record<GapCause, number>> & { readonly listed: readonly LogGap[] }
  /** By sink id. */
  readonly sinks: Readonly<Record<string, SinkAudit>>
  /** True where there is no fault in a sink or a dead letter, and no gap that nothing explains. */
  readonly ok: boolean
  /** True where every record of the audited part has been delivered. */
  readonly complete: boolean
}

export const DEFAULT_LIMIT = 10

/** Counts while comparing. */
export interface Tally {
  count(
    what: 'expected' | 'stored' | 'deadLettered' | 'notYet' | 'beyondRetention' | 'expired' | 'outside',
    rows?: number,
  ): void
  fault(word: Fault, position: string, text: string): void
  /** How many of the word so far. */
  faults(word: Fault): number
  result(kind: SinkKind, gaps?: SinkAudit['gaps']): SinkAudit
}

const spoken: Readonly<Record<Fault, string>> = {
  missing: 'missing',
  duplicated: 'duplicated',
  different: 'different',
  outOfOrder: 'out of order',
  foreign: 'foreign',
}

/** @param limit of faults that are told one by one */
export function createTally(limit = DEFAULT_LIMIT): Tally {
  const counts = {
    expected: 0,
    stored: 0,
    missing: 0,
    duplicated: 0,
    different: 0,
    outOfOrder: 0,
    foreign: 0,
    deadLettered: 0,
    notYet: 0,
    beyondRetention: 0,
    expired: 0,
    outside: 0,
  }
  const examples: Example[] = []
  return {
    count: (what, rows = 1) => void (counts[what] += rows),
    fault(word, position, text) {
      counts[word]++
      if (examples.length < limit) examples.push({ position, fault: `${spoken[word]}: ${text}` })
    },
    faults: (word) => counts[word],
    result: (kind, gaps = { recorded: 0, skipped: 0, listed: [] }) => ({ kind, ...counts, gaps, examples }),
  }
}

export function isSound(sink: SinkAudit): boolean {
  return faultWords.every((word) => sink[word] === 0)
}
