/**
 * How a letter's state moves, each move by compare-and-set on `version`:
 *
 *   new ──> replaying ──> replayed          new ──> discarded
 *    ^          │             │
 *    └──────────┴─────────────┘  its record failed again (replays.ts), or was never sent
 */
import { OF_A_REPLAY } from './change.ts'
import type { ItemChange } from './change.ts'
import { EXPIRES } from './index.ts'

/** What the command does. */
export type Change =
  /** The next attempt; `scanFrom`: where its record can stand in the partition at the earliest. */
  | { readonly to: 'replaying'; readonly attempts: number; readonly scanFrom: number }
  /** `expires`: seconds since the epoch, never where not given. */
  | { readonly to: 'replayed' | 'discarded'; readonly expires?: number | undefined }
  | { readonly to: 'new' }

export function itemChange(change: Change): ItemChange {
  const state = { S: change.to }
  if (change.to === 'replaying') {
    const { attempts, scanFrom } = change
    const set = { state, attempts: { N: String(attempts) }, scanFrom: { N: String(scanFrom) } }
    return { set, remove: ['takenAt', EXPIRES] }
  }
  if (change.to === 'new') return { set: { state }, remove: OF_A_REPLAY }
  const { expires } = change
  return { set: { state, ...(expires === undefined ? {} : { [EXPIRES]: { N: String(expires) } }) } }
}
