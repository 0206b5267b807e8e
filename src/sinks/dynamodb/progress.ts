/** The sink's watermarks in the ledger: read before, moved after the effects (D5, D9). */
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import { admit } from '../../core/watermark.ts'
import type { Admission, Watermark } from '../../core/watermark.ts'
import { ledgerKey } from '../ledger.ts'
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

/** Reads the watermark strongly consistent (N7) and decides what of the range is new. Throws WEIR_TOPIC_RESTARTED. */
export async function admitRange(
  { pipeline, sink }: Identity,
  ledger: LedgerStore,
  range: EncodedRange,
  deadline: Deadline,
): Promise<Admitted> {
  const key = ledgerKey(pipeline, sink, range.source)
  const found = await ledger.read(key, deadline)
  return { key, found, admission: decide(sink, range, found) }
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
    after = decide(sink, range, current).after
  }
  throw new WeirError('WEIR_CONTENDED', { sink, source: sourceLabel(range.source) })
}

function decide(sink: string, { source, records }: EncodedRange, found: LedgerItem | undefined): Admitted['admission'] {
  const raw = records.map(({ record }) => record)
  const admission = admit(found && watermarkOf(found), raw)
  if (admission.kind === 'admitted') return admission
  throw new WeirError('WEIR_TOPIC_RESTARTED', {
    sink,
    source: sourceLabel(source),
    next: found?.next,
    first: raw[0]!.offset,
    why: admission.why,
  })
}

function watermarkOf({ epoch, next, checkpoints, gaps, gapCount }: LedgerItem): Watermark {
  return { epoch, next, checkpoints, gaps, gapCount }
}
