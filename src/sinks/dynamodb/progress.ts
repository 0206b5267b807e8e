/** The sink's watermarks in the ledger: read before, moved after the effects (D5, D9). */
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import { admit, haltError } from '../../core/watermark.ts'
import type { Admission, Watermark } from '../../core/watermark.ts'
import { ledgerKey, watermarkIn } from '../ledger.ts'
import type { LedgerItem, LedgerStore } from '../ledger.ts'
import type { EncodedRange } from './encode.ts'

export interface Identity {
  readonly pipeline: string
  readonly sink: string
}

export interface Admitted {
  readonly key: string
  readonly found: LedgerItem | undefined
  readonly admission: Extract<Admission, { readonly kind: 'admitted' }>
}

/** Times that a lost race for one watermark is entered again (N3). */
const MAX_RACES = 3

/** Reads the watermark strongly consistent (N7) and decides what of the range is new. Throws WEIR_TOPIC_RESTARTED, WEIR_REWOUND. */
export async function admitRange(
  { pipeline, sink }: Identity,
  ledger: LedgerStore,
  range: EncodedRange,
  deadline: Deadline,
): Promise<Admitted> {
  const key = ledgerKey(pipeline, sink, range.source)
  const found = await ledger.read(key, deadline)
  const epoch = found ? found.epoch : await commonEpoch(pipeline, sink, ledger, range, deadline)
  return { key, found, admission: decide(sink, range, found, epoch) }
}

/** Once in a source's life: items of several sources compare by their epochs, and a rewind raises all to the same. */
async function commonEpoch(
  pipeline: string,
  sink: string,
  ledger: LedgerStore,
  { source }: EncodedRange,
  deadline: Deadline,
): Promise<number> {
  if (source.partition === 0) return 0
  return (await ledger.read(ledgerKey(pipeline, sink, { ...source, partition: 0 }), deadline))?.epoch ?? 0
}

/**
 * Moves the watermark over a range that has taken effect. Whoever lost the race looks again: at or beyond the end, the work
 * is counted; else it is added to what stands there now. Throws WEIR_CONTENDED when that does not end, or the epoch changed.
 */
export async function advance(
  { sink }: Identity,
  ledger: LedgerStore,
  range: EncodedRange,
  { key, found, admission }: Admitted,
  deadline: Deadline,
): Promise<void> {
  const epoch = admission.after.epoch
  let current = found
  let after: Watermark = admission.after
  for (let race = 0; race < MAX_RACES; race++) {
    const item = { pending: null, generation: 0, ...current, ...after, version: (current?.version ?? 0) + 1 }
    const outcome = await ledger.compareAndSet(key, item, deadline)
    if (outcome.ok) return
    current = outcome.current
    if ((current?.epoch ?? epoch) !== epoch) break
    if (current && current.next >= after.next) return
    after = decide(sink, range, current, epoch).after
  }
  throw new WeirError('WEIR_CONTENDED', { sink, source: sourceLabel(range.source) })
}

function decide(
  sink: string,
  { source, records }: EncodedRange,
  found: LedgerItem | undefined,
  epoch: number,
): Admitted['admission'] {
  const raw = records.map(({ record }) => record)
  const admission = admit(found && watermarkIn(found), raw, epoch)
  if (admission.kind === 'admitted') return admission
  throw haltError(admission, { sink, source: sourceLabel(source), next: found?.next, first: raw[0]!.offset })
}
