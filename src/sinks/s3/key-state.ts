/**
 * What becomes of one key of a claim. Each is looked at, written and voided by itself, in any order and at the same time; it
 * ends as an object or as a void marker, and neither ever changes again.
 *
 *   another's claim:  look ─┬─ there ──────────────────────────────────────────> there
 *                     ^     ├─ a void marker ──────────────────────────────────> voided
 *                     │     └─ not there ─> refill ─┬─ created ────────────────> mine
 *                     │                     void ───┼─ created ────────────────> voided
 *                     └─────────────────────────────┴─ taken
 *   our own claim:    put ──┬─ created ────────────────────────────────────────> mine
 *                     ^     └─ taken ─> compare ─┬─ equal: a twin's, or our own ─> mine
 *                     │                          ├─ a void marker ─────────────> voided
 *                     └──────────────────────────┴─ gone
 */

/** How often one key is looked at: more than this and objects vanish under us. */
const MAX_LOOKS = 3

export interface KeyState {
  /** 'mine': there, and brought to effect by this invocation, as far as it can tell. */
  readonly at: 'look' | 'refill' | 'void' | 'put' | 'compare' | 'there' | 'mine' | 'voided'
  /** Back and forth so far; 0 where it is decided. */
  readonly looks: number
}

/** What an object is to a claim: its rows, its void marker, or none of its own. */
export type Finding = 'absent' | 'rows' | 'void' | 'foreign'

export type KeyStep = KeyState | 'foreign' | 'contended'

export function isDecided({ at }: KeyState): boolean {
  return at === 'there' || at === 'mine' || at === 'voided'
}

export function isThere({ at }: KeyState): boolean {
  return at === 'there' || at === 'mine'
}

/** @param isRefillable whether this event holds what the key's object must hold */
export function afterHead({ at, looks }: KeyState, found: Finding, isRefillable: () => boolean): KeyStep {
  if (found === 'foreign') return 'foreign'
  if (found === 'absent') {
    if (looks > MAX_LOOKS) return 'contended'
    return { at: at === 'compare' ? 'put' : isRefillable() ? 'refill' : 'void', looks: looks + 1 }
  }
  if (found === 'void') return VOIDED
  return at === 'look' ? { at: 'there', looks: 0 } : MINE
}

export function afterPut({ at, looks }: KeyState, created: boolean): KeyState {
  if (!created) return { at: at === 'put' ? 'compare' : 'look', looks }
  return at === 'void' ? VOIDED : MINE
}

const VOIDED: KeyState = { at: 'voided', looks: 0 }
const MINE: KeyState = { at: 'mine', looks: 0 }
