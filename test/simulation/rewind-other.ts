/** The sink that is not rewound: it admits a range and takes its rows in one atomic step, as a transaction would. */
import { parseEvent } from '../../src/core/event.ts'
import type { SourceRecord } from '../../src/core/record.ts'
import { admit, haltError } from '../../src/core/watermark.ts'
import type { Halt, Watermark } from '../../src/core/watermark.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import type { SinkDefinition, SinkWriter } from '../../src/sinks/sink.ts'
import type { Port } from '../../src/testing/explorer/replay.ts'
import { canonicalJson } from '../../src/testing/explorer/explore.ts'
import { CLUSTER, TOPIC } from './delivery-types.ts'
import type { LogRecord, Outcome } from './delivery-types.ts'
import { eventOf } from './engine.ts'

export interface OtherStore {
  readonly watermark: Watermark | null
  /** How often each offset took effect. */
  readonly rows: Readonly<Record<number, number>>
}

export type OtherRequest =
  | { readonly other: 'write'; readonly offsets: readonly number[] }
  | { readonly other: 'read' }
  | { readonly other: 'swap'; readonly before: Watermark | null; readonly after: Watermark }

export const emptyOther: OtherStore = { watermark: null, rows: {} }

const ID = 'other'
const definition: SinkDefinition = {
  kind: 'custom',
  id: ID,
  options: {},
  grants: [],
  open: () => Promise.reject(new Error('it is open')),
}
const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }

export function otherSink(port: Port): {
  readonly definition: SinkDefinition
  readonly writer: SinkWriter
  readonly target: RewindTarget
} {
  const ask = async <T>(request: OtherRequest): Promise<T> => (await port(request)) as T
  const writer: SinkWriter = {
    prepare: (ranges) => ({
      refusals: [],
      write: async () => {
        const offsets = ranges.flatMap(({ records }) => records.map(({ record }) => record.offset))
        const halt = await ask<Halt | null>({ other: 'write', offsets })
        if (halt) throw haltError(halt, { sink: ID, source: TOPIC, next: undefined, first: offsets[0]! })
        return { ranges: [] }
      },
    }),
    close: () => Promise.resolve(),
  }
  const read = () => ask<Watermark | null>({ other: 'read' })
  const target: RewindTarget = {
    keyed: true,
    read: async () => {
      const watermark = await read()
      return [{ source, epoch: watermark?.epoch ?? 0, watermark: watermark ?? undefined }]
    },
    align: (_, wanted) => Promise.resolve(wanted),
    change: async (_, change) => {
      for (;;) {
        const before = await read()
        const after = change(before ?? undefined)
        if (!after || after === before || (await ask<boolean>({ other: 'swap', before, after }))) return
      }
    },
    remove: () => Promise.reject(new Error('the other sink is not rewound')),
    sweep: () => Promise.reject(new Error('the other sink is not rewound')),
    close: () => Promise.resolve(),
  }
  return { definition, writer, target }
}

/** @param records of the log, by offset */
export function otherOutcomes(
  store: OtherStore,
  request: OtherRequest,
  records: readonly SourceRecord[],
): readonly Outcome<OtherStore>[] {
  const label = `other: ${request.other}`
  if (request.other === 'read') return [{ label, store, answer: store.watermark }]
  if (request.other === 'swap') {
    const isOwn = canonicalJson(store.watermark) === canonicalJson(request.before)
    return [{ label, store: isOwn ? { ...store, watermark: request.after } : store, answer: isOwn }]
  }
  const range = request.offsets.map((offset) => records[offset]!)
  const admission = admit(store.watermark ?? undefined, range)
  if (admission.kind !== 'admitted') return [{ label, store, answer: admission }]
  const rows: Record<number, number> = { ...store.rows }
  for (const { offset } of range.slice(admission.from)) rows[offset] = (rows[offset] ?? 0) + 1
  return [{ label, store: { watermark: admission.after, rows }, answer: null }]
}

export function sourceRecords(log: readonly LogRecord[]): SourceRecord[] {
  return log.map((record) => parseEvent(eventOf([record]), 'any').ranges[0]!.records[0]!)
}

/** D13: it does not change: every record below its watermark is in, once. */
export function wrongInOther(
  { watermark, rows }: OtherStore,
  committed: number,
  isWithdrawn: (offset: number) => boolean,
) {
  const next = watermark?.next ?? 0
  if (watermark && watermark.epoch !== 0) return 'D13: the other sink is rewound'
  for (let offset = 0; offset < committed; offset++)
    if (offset >= next && !isWithdrawn(offset)) return `D13: the other sink lost ${offset}`
  for (let offset = 0; offset < next; offset++) {
    const isGap = watermark!.gaps.some(({ first, last }) => offset >= first && offset <= last)
    const isBefore = offset < (watermark!.checkpoints[0]?.offset ?? 0)
    if ((rows[offset] ?? 0) > 1) return `D2: ${offset} is in the other sink twice`
    if (!rows[offset] && !isGap && !isBefore && !isWithdrawn(offset)) return `D13: the other sink lost ${offset}`
  }
  return undefined
}
