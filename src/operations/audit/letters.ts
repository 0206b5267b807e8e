/**
 * The dead letters of a pipeline, in the order of the log. Reads the table with the AWS SDK, not with the store's own code;
 * only the names of the attributes are shared knowledge (src/sinks/dead-letters/items.ts).
 */
import { hash } from 'node:crypto'
import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { optionalModule } from '../../config/optional-module.ts'
import type { SourceRecord } from '../../core/record.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { Target, TargetPipeline } from '../target.ts'
import { place, positionText } from './log.ts'
import type { LogSnapshot } from './log.ts'
import type { Example, LettersAudit } from './report.ts'
import { DEFAULT_LIMIT } from './report.ts'
import type { Sorter } from './sorter.ts'

const ANY_SINK = '*'
/** The state of a letter that a sink has yet to hand over. */
export const OUTBOX = 'outbox'
/** Stages that the definition alone decides on, so that the audit can do it again. */
const STAGES_OF_THE_DEFINITION = new Set(['decode', 'validate', 'transform'])

/** One letter, without its bytes. */
export interface LetterEntry {
  readonly partition: number
  readonly offset: number
  readonly sink: string
  readonly stage: string
  readonly state: string
  readonly timestamp: number
  readonly epoch: number
  /** How often it was replayed, and the offset at which its record was taken again. */
  readonly attempts: number
  readonly takenAt: number | null
  /** Of key, value and headers; absent where they are in an object. */
  readonly digest?: string
  readonly place?: { readonly bucket: string; readonly key: string }
}

/** Throws WEIR_REQUEST_FAILED, WEIR_MODULE_MISSING. */
export async function readLetters(
  target: Target,
  pipeline: TargetPipeline,
  into: Sorter,
  signal: AbortSignal,
): Promise<void> {
  const sdk = await optionalModule('@aws-sdk/client-dynamodb', 'the audit', () => import('@aws-sdk/client-dynamodb'))
  const client: DynamoDBClient = new sdk.DynamoDBClient(clientConfig(target.dynamodb))
  try {
    let start: Record<string, AttributeValue> | undefined
    do {
      const page = await client
        .send(
          new sdk.QueryCommand({
            TableName: target.deadLetters.table,
            ConsistentRead: true,
            KeyConditionExpression: 'pipeline = :pipeline',
            // Of a record that is tried again after a rewind: where that fails, there is a letter anew.
            FilterExpression: '#topic = :topic AND #cluster = :cluster AND #state <> :superseded',
            ExpressionAttributeNames: { '#topic': 'topic', '#cluster': 'cluster', '#state': 'state' },
            ExpressionAttributeValues: {
              ':superseded': { S: 'superseded' },
              ':pipeline': { S: pipeline.name },
              ':topic': { S: pipeline.topic },
              ':cluster': { S: pipeline.cluster },
            },
            ExclusiveStartKey: start,
          }),
          { abortSignal: signal },
        )
        .catch(asRequestError('DynamoDB', 'Query'))
      for (const item of page.Items ?? []) addLetter(into, letterOf(item))
      start = page.LastEvaluatedKey
    } while (start)
  } finally {
    client.destroy()
  }
}

function letterOf(item: Record<string, AttributeValue>): LetterEntry {
  const text = (name: string) => item[name]?.S ?? ''
  const at = item.payload?.M
  const headers = (item.headers?.L ?? []).map(({ M }) => [M?.name?.S ?? '', M?.value?.B ?? new Uint8Array()] as const)
  return {
    partition: Number(item.partition?.N),
    offset: Number(item.offset?.N),
    sink: text('sink'),
    stage: text('stage'),
    state: text('state'),
    timestamp: Number(item.timestamp?.N),
    epoch: Number(item.epoch?.N ?? 0),
    attempts: Number(item.attempts?.N ?? 0),
    takenAt: item.takenAt?.N === undefined ? null : Number(item.takenAt.N),
    ...(at
      ? { place: { bucket: at.bucket?.S ?? '', key: at.key?.S ?? '' } }
      : { digest: payloadDigest(item.key?.B ?? null, item.value?.B ?? null, headers) }),
  }
}

/** Sorted by these bytes, letters come in the order of the log. */
export function addLetter(into: Sorter, { partition, offset, ...rest }: LetterEntry): void {
  const position = Buffer.alloc(10)
  position.writeUInt32BE(partition)
  position.writeUIntBE(offset, 4, 6)
  into.add(Buffer.concat([position, Buffer.from(JSON.stringify(rest))]))
}

function parseLetter(entry: Buffer): LetterEntry {
  const rest = JSON.parse(entry.toString('utf8', 10)) as Omit<LetterEntry, 'partition' | 'offset'>
  return { partition: entry.readUInt32BE(0), offset: entry.readUIntBE(4, 6), ...rest }
}

type Bytes = Uint8Array | null

function payloadDigest(key: Bytes, value: Bytes, headers: readonly (readonly [string, Uint8Array])[]): string {
  const text = (bytes: Bytes) => (bytes === null ? null : Buffer.from(bytes).toString('base64'))
  const parts = [text(key), text(value), headers.map(([name, content]) => [name, text(content)])]
  return hash('sha256', JSON.stringify(parts))
}

export function recordDigest({ key, value, headers }: Pick<SourceRecord, 'key' | 'value' | 'headers'>): string {
  return payloadDigest(
    key,
    value,
    headers.map(({ name, value: content }) => [name, content]),
  )
}

/** What a payload's object holds: `{"key": base64 | null, "value": base64 | null, "headers": [[name, base64], ...]}`. */
export function documentDigest(document: string): string {
  const { key, value, headers } = JSON.parse(document) as {
    readonly key: string | null
    readonly value: string | null
    readonly headers: readonly (readonly [string, string])[]
  }
  return hash('sha256', JSON.stringify([key, value, headers]))
}

/** What becomes of a record for one sink. */
export type Due = { readonly rows: number } | { readonly poison: string }

export interface LetterJudge {
  /** Letters of the record; call it for every record, in order. */
  of(record: SourceRecord): readonly LetterEntry[]
  /** Compares the letters of a record with it, `due` being what the definition makes of it for each sink. */
  judge(
    record: SourceRecord,
    letters: readonly LetterEntry[],
    due: ReadonlyMap<string, Due>,
    payload: (place: NonNullable<LetterEntry['place']>) => Promise<string | undefined>,
  ): Promise<void>
  /** After the last record. */
  finish(): { readonly count: number; readonly audit: LettersAudit }
}

/** @param onLetter told of each letter, in the order of the log */
export function createLetterJudge(
  sorter: Sorter,
  log: LogSnapshot,
  limit = DEFAULT_LIMIT,
  onLetter: (letter: LetterEntry) => void = () => undefined,
): LetterJudge {
  const counts = { unfounded: 0, different: 0, foreign: 0, beyondRetention: 0 }
  const examples: Example[] = []
  let count = 0
  const entries = sorter.sorted()
  const next = () => {
    const { value } = entries.next()
    if (!value) return undefined
    const letter = parseLetter(value)
    onLetter(letter)
    return letter
  }
  let upcoming = next()
  const fault = (word: 'unfounded' | 'different' | 'foreign', letter: LetterEntry, text: string) => {
    counts[word]++
    const position = positionText({ topic: log.topic, ...letter })
    const of = letter.sink === ANY_SINK ? '' : ` of ${letter.sink}`
    if (examples.length < limit) examples.push({ position, fault: `${word}: the dead letter${of} ${text}` })
  }
  /** A letter that no record came for. */
  const alone = (letter: LetterEntry) => {
    count++
    const where = place(log, letter.partition, letter.offset)
    if (where === 'expired') counts.beyondRetention++
    if (where === 'foreign') fault('foreign', letter, 'is of a partition that is not there')
    if (where === 'inside') fault('foreign', letter, 'is of an offset that holds no record')
  }
  return {
    of({ partition, offset }) {
      const found: LetterEntry[] = []
      while (upcoming && isAtOrBefore(upcoming, partition, offset)) {
        if (upcoming.partition === partition && upcoming.offset === offset) found.push(upcoming)
        else alone(upcoming)
        upcoming = next()
      }
      // one on its way out of the outbox was seen in both places
      const letters = found.filter(
        ({ state, sink }) => state !== OUTBOX || !found.some((each) => each.state !== OUTBOX && each.sink === sink),
      )
      count += letters.length
      return letters
    },
    async judge(record, letters, due, payload) {
      const digest = recordDigest(record)
      for (const letter of letters) {
        if (letter.state === OUTBOX) continue
        const { place: at } = letter
        const document = at ? await payload(at) : undefined
        const held = document === undefined ? letter.digest : documentDigest(document)
        if (at && document === undefined) fault('different', letter, `has lost its payload, ${at.key}`)
        else if (held !== digest || letter.timestamp !== record.timestamp)
          fault('different', letter, 'holds another record')
        else if (isUnfounded(letter, due))
          fault('unfounded', letter, `(${letter.stage}) is of a record that the definition takes`)
      }
    },
    finish() {
      for (; upcoming; upcoming = next()) alone(upcoming)
      return { count, audit: { ...counts, examples } }
    },
  }
}

/** Someone who replayed or discarded it has decided already. */
export function isUnfounded({ sink, stage, state }: LetterEntry, due: ReadonlyMap<string, Due>): boolean {
  if (!STAGES_OF_THE_DEFINITION.has(stage) || state === 'replayed' || state === 'discarded') return false
  const concerned = sink === ANY_SINK ? [...due.values()] : [due.get(sink)]
  return concerned.every((each) => each !== undefined && 'rows' in each)
}

/** A sink without keys has a replayed record where it was taken again, and nothing at its own place. */
export function isMovedOn({ sink, state }: LetterEntry, id: string): boolean {
  return state === 'replayed' && (sink === ANY_SINK || sink === id)
}

export function concerns({ sink, state }: LetterEntry, id: string): boolean {
  return state !== 'replayed' && (sink === ANY_SINK || sink === id)
}

function isAtOrBefore(letter: LetterEntry, partition: number, offset: number): boolean {
  return letter.partition < partition || (letter.partition === partition && letter.offset <= offset)
}
