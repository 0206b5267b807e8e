/** Dead letters as data: their table and their names. The store itself is store.ts. */
import { describeTable } from '../../aws/table.ts'
import type { TableDescription } from '../../aws/table.ts'
import type { DeadLetter, Stage } from '../../core/dead-letter.ts'
import { PARTITION_DIGITS } from '../../core/limits.ts'
import type { Source, SourceRecord } from '../../core/record.ts'

/**
 * `new`: nobody has decided on it. `replaying`: its record is on its way through the topic again. `replayed`: it took effect that
 * way. `discarded`: somebody decided that it never will. `superseded`: its sink was rewound, and the record is tried again; refused
 * again, it has a letter again.
 */
export type DeadLetterState = 'new' | 'replaying' | 'replayed' | 'discarded' | 'superseded'

export const DEAD_LETTER_STATES = [
  'new',
  'replaying',
  'replayed',
  'discarded',
  'superseded',
] as const satisfies DeadLetterState[]

/** What a listing shows: everything but the bytes. */
export interface DeadLetterSummary {
  /** Names it in `get` and after which a listing goes on: `pipeline/cluster/topic/000001/e0000/0000000000000042/sink`. */
  readonly id: string
  readonly pipeline: string
  /** '*': no sink has it. */
  readonly sink: string
  readonly state: DeadLetterState
  readonly cluster: string
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  readonly offset: number
  readonly timestamp: number
  readonly stage: Stage
  readonly code: string
  readonly text: string
  /** Bytes of key, value and headers in base64. */
  readonly payloadBytes: number
  /** How often it was replayed; the header of a replay has the number of its own. */
  readonly attempts: number
  /** Of one that is `replaying` or `replayed`: the offset at which its record was taken again; null until then. */
  readonly takenAt: number | null
  /** Of one that is `replaying`: the end of the partition before its record was sent. */
  readonly scanFrom: number | null
  /** The handle of the compare-and-set that moves the state. */
  readonly version: number
}

export interface StoredDeadLetter extends DeadLetterSummary {
  /** The record as it came, byte for byte. */
  readonly record: SourceRecord
}

/** Seconds since the epoch: the table's time to live. */
export const EXPIRES = 'expires'

/** Key: `pipeline`, and `position`, which sorts by topic, partition, epoch and offset: a listing is one Query. */
export function deadLetterTable(name: string): TableDescription {
  return describeTable(name, {
    partitionKey: { name: 'pipeline', type: 'S' },
    sortKey: { name: 'position', type: 'S' },
  })
}

const EPOCH_DIGITS = 4
/** Digits of the greatest offset that a double holds exactly. */
const OFFSET_DIGITS = 16
/** Stands for '*' in a position: a shell would expand the star, and no sink id holds an @. */
const ANY_SINK = '@any'

const padded = (value: number, digits: number) => String(value).padStart(digits, '0')

interface LetterPosition extends Pick<DeadLetter, 'source' | 'epoch' | 'sink'> {
  readonly record: Pick<SourceRecord, 'offset'>
}

/** Deterministic (D12): the same letter has the same position, however often it is put. */
export function positionKey({ source, epoch, record, sink }: LetterPosition): string {
  return `${offsetKey(source, epoch, record.offset)}/${sink === '*' ? ANY_SINK : encodeURIComponent(sink)}`
}

function offsetKey({ cluster, topic, partition }: Source, epoch: number, offset: number): string {
  return [
    encodeURIComponent(cluster),
    encodeURIComponent(topic),
    padded(partition, PARTITION_DIGITS),
    `e${padded(epoch, EPOCH_DIGITS)}`,
    padded(offset, OFFSET_DIGITS),
  ].join('/')
}

/** Between which all positions of a source's epoch are, from an offset on. `~` stands above whatever a sink id may hold. */
export function positionsFrom(source: Source, epoch: number, from: number): readonly [first: string, last: string] {
  return [offsetKey(source, epoch, from), `${offsetKey(source, epoch, Number.MAX_SAFE_INTEGER)}/~`]
}

export function idOf(pipeline: string, position: string): string {
  return `${pipeline}/${position}`
}

/** Undefined where the text is no id. */
export function parseId(id: string): { readonly pipeline: string; readonly position: string } | undefined {
  const slash = id.indexOf('/')
  return slash > 0 && slash < id.length - 1
    ? { pipeline: id.slice(0, slash), position: id.slice(slash + 1) }
    : undefined
}

/** The S3 object beside the item that holds a payload too large for it. */
export function payloadKey(pipeline: string, position: string): string {
  return `payloads/${pipeline}/${position}.json`
}
