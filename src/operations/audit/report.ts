import type { SinkKind } from '../../sinks/sink.ts'

/** One fault, for a person: where, and what. Names of fields and keys of rows, no other content. */
export interface Example {
  /** `topic/partition@offset`, or the key, object or item where no record is known. */
  readonly position: string
  readonly fault: string
}

/** What one sink holds, in rows. Without faults missing, duplicated and different are 0. */
export interface SinkAudit {
  readonly kind: SinkKind
  /** Rows that the log asks for: of a keyed table the newest of each key. */
  readonly expected: number
  /** Rows found in the store, right or wrong. */
  readonly stored: number
  /** Rows that the log asks for and the store has not; a record that became neither rows nor a dead letter counts one. */
  readonly missing: number
  /** Copies of a row beyond the first. */
  readonly duplicated: number
  /** Rows with another content, version or place than the log says, and rows that no record of the log accounts for. */
  readonly different: number
  /** Rows of records that the log has no longer (retention) or had not yet when the audit began: not judged. */
  readonly outside: number
  /** The first MAX_EXAMPLES faults. */
  readonly examples: readonly Example[]
}

export interface AuditReport {
  readonly pipeline: string
  readonly topic: string
  /** Records of the log when the audit began; transaction markers are none. */
  readonly produced: number
  /** Dead letters of this pipeline, one a record and sink (or one for all sinks). */
  readonly deadLetters: number
  /** By sink id. */
  readonly sinks: Readonly<Record<string, SinkAudit>>
  /** True where no sink has a fault. */
  readonly ok: boolean
}

export const MAX_EXAMPLES = 10

export type Fault = 'missing' | 'duplicated' | 'different'

/** Counts while comparing. */
export interface Tally {
  expected(rows?: number): void
  stored(rows?: number): void
  outside(rows?: number): void
  fault(kind: Fault, position: string, text: string): void
  result(kind: SinkKind): SinkAudit
}

export function createTally(): Tally {
  const counts = { expected: 0, stored: 0, missing: 0, duplicated: 0, different: 0, outside: 0 }
  const examples: Example[] = []
  return {
    expected: (rows = 1) => void (counts.expected += rows),
    stored: (rows = 1) => void (counts.stored += rows),
    outside: (rows = 1) => void (counts.outside += rows),
    fault(kind, position, text) {
      counts[kind]++
      if (examples.length < MAX_EXAMPLES) examples.push({ position, fault: `${kind}: ${text}` })
    },
    result: (kind) => ({ kind, ...counts, examples }),
  }
}

export function isSound({ missing, duplicated, different }: SinkAudit): boolean {
  return missing === 0 && duplicated === 0 && different === 0
}
