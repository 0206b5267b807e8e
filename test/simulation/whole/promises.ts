/** What must hold of the three stores and the dead letters, at every step and in the end. */
import { numberOf, textOf } from '../../../src/aws/attribute.ts'
import { isNewer } from '../../../src/core/order.ts'
import type { Position } from '../../../src/core/order.ts'
import { storedPosition } from '../../../src/sinks/dynamodb/guard.ts'
import { ledgerKey } from '../../../src/sinks/ledger.ts'
import { CLUSTER, nameOf, TOPIC } from '../delivery-types.ts'
import type { LogRecord } from '../delivery-types.ts'
import { placeIn } from '../delivery-promises.ts'
import { nameOf as watermarkName, positionOf } from '../postgres-store.ts'
import { definition } from './process.ts'
import { ITEMS, LEDGER, LETTERS } from './stores.ts'
import type { Stores } from './stores.ts'

type Keyed = Readonly<Record<string, Position>>
export const SINKS = ['lake', 'sql', 'kv'] as const
type Sink = (typeof SINKS)[number]

/** By `sink/partition`. */
export type Bases = ReadonlyMap<string, number>

interface Progress {
  readonly next: number
  /** Its oldest checkpoint. */
  readonly head: number
  readonly gaps: readonly { readonly first: number; readonly last: number }[]
}

const kv = definition.sinks[2]!.options as { positionAttributes: Parameters<typeof storedPosition>[1] }

export function keyedOf({ tables, database }: Stores): Readonly<Record<'sql' | 'kv', Keyed>> {
  const rows = Object.values(database.rows).map((row) => [row.id, positionOf(row)] as const)
  const items = Object.values(tables[ITEMS] ?? {}).map(
    (item) => [textOf(item, 'id')!, storedPosition(item, kv.positionAttributes)!] as const,
  )
  return { sql: Object.fromEntries(rows), kv: Object.fromEntries(items) }
}

/** D3: the first key that went back. */
export function wentBack(before: Keyed, after: Keyed): string | undefined {
  return Object.keys(before).find((key) => {
    const [old, now] = [before[key]!, after[key]]
    return now === undefined || (!samePlace(old, now) && !isNewer('log', now, old))
  })
}

export function progressOf(stores: Stores, sink: Sink, partition: number): Progress | undefined {
  if (sink === 'sql') {
    const found = stores.database.watermarks[watermarkName({ cluster: CLUSTER, topic: TOPIC, partition })]
    if (!found || found.next_offset === null) return undefined
    return { next: found.next_offset, gaps: found.gaps, head: found.checkpoints[0]!.offset }
  }
  const item = stores.tables[LEDGER]?.[ledgerKey('p', sink, { cluster: CLUSTER, topic: TOPIC, partition })]
  if (!item) return undefined
  const list = (name: string): unknown => JSON.parse(textOf(item, name)!)
  const [head] = list('checkpoints') as { readonly offset: number }[]
  return { next: numberOf(item, 'next')!, gaps: list('gaps') as Progress['gaps'], head: head!.offset }
}

/** Names of records, by line, in the order of keys and lines. */
function linesOf({ bucket }: Stores): string[] {
  return Object.keys(bucket)
    .toSorted()
    .flatMap((key) => (bucket[key]!.mark.void ? [] : bucket[key]!.body.toString().trimEnd().split('\n')))
    .map((line) => (JSON.parse(line) as { readonly n: string }).n)
}

/** By record name: the sinks that have a letter of it. */
function lettersOf({ tables, database }: Stores): ReadonlyMap<string, readonly string[]> {
  const letters = new Map<string, string[]>()
  const add = (name: string, sink: string) => letters.set(name, [...(letters.get(name) ?? []), sink])
  for (const item of Object.values(tables[LETTERS] ?? {}))
    add(`${numberOf(item, 'partition')}/${numberOf(item, 'offset')}`, textOf(item, 'sink')!)
  for (const letter of Object.values(database.outbox)) if (letter.length > 0) add(`${letter[4]}/${letter[6]}`, 'sql')
  return letters
}

/**
 * Of every record: in each sink once, or a dead letter, or in a gap that is recorded. `bases`: by sink and partition, where its
 * watermark began: the log before was never offered to it.
 */
export function wrongAtEnd(stores: Stores, log: readonly LogRecord[], bases: Bases): string | undefined {
  const lines = linesOf(stores)
  const letters = lettersOf(stores)
  const keyed = keyedOf(stores)
  for (const record of log) {
    const name = nameOf(record)
    const has = letters.get(name) ?? []
    const poison = record.kind === 'refused' || record.kind === 'undecodable'
    if (has.length > 0 && !poison) return `D6: ${name} is good and has a dead letter`
    if (new Set(has).size < has.length) return `D2: ${name} has two dead letters of one sink`
    for (const sink of SINKS) {
      const progress = progressOf(stores, sink, record.source)
      const isGap = progress?.gaps.some(({ first: from, last }) => record.offset >= from && record.offset <= last)
      const unseen = isGap === true || record.offset < (bases.get(`${sink}/${record.source}`) ?? Infinity)
      const wrong =
        sink === 'lake'
          ? wrongInLake(record, lines.filter((line) => line === name).length, has, unseen)
          : wrongInKeyed(record, keyed[sink], has, sink, unseen)
      if (wrong !== undefined) return `${wrong}: ${name} (${record.kind}) in ${sink}`
    }
  }
  const known = new Set(log.map(nameOf))
  const stray = lines.find((line) => !known.has(line))
  if (stray !== undefined) return `D2: ${stray} is of no record`
  return outOfOrder(lines)
}

function wrongInLake(
  { kind }: LogRecord,
  count: number,
  letters: readonly string[],
  unseen: boolean,
): string | undefined {
  if (count > 1) return 'D2: there twice'
  if (kind === 'undecodable') {
    if (count > 0) return 'D6: poison is stored'
    return letters.includes('*') || unseen ? undefined : 'D1: neither stored nor a dead letter'
  }
  if (kind === 'rowless') return count > 0 ? 'D2: a row of nothing' : undefined
  return count === 1 || unseen ? undefined : 'D1 D9: lost, and no gap says so'
}

function wrongInKeyed(
  record: LogRecord,
  keyed: Keyed,
  letters: readonly string[],
  sink: string,
  unseen: boolean,
): string | undefined {
  if (record.kind === 'rowless') return undefined
  const stands = keyed[record.key]
  const place = placeIn(record)
  const isThere = stands !== undefined && samePlace(stands, place)
  const poison = record.kind !== 'good'
  if (poison && isThere) return 'D6: poison is stored'
  if (record.kind === 'undecodable')
    return letters.includes('*') || unseen ? undefined : 'D1: neither stored nor a dead letter'
  // A newer row of its key may have come in the same batch: then nobody tried the one that would be refused.
  const gaveWay = stands !== undefined && isNewer('log', stands, place)
  if (isThere || gaveWay || unseen) return undefined
  return poison && letters.includes(sink) ? undefined : 'D1 D9: lost, and no gap says so'
}

function outOfOrder(lines: readonly string[]): string | undefined {
  const last = new Map<string, number>()
  for (const line of lines) {
    const [source, offset] = line.split('/') as [string, string]
    if (Number(offset) <= (last.get(source) ?? -1)) return `D3: ${line} stands after a later one in the lake`
    last.set(source, Number(offset))
  }
  return undefined
}

function samePlace(a: Position, b: Position): boolean {
  return a.src === b.src && a.offset === b.offset && a.index === b.index
}
