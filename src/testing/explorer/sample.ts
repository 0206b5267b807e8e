/** Random walks through a model that is too large to be explored whole. The same seed walks the same ways. */
import type { AsyncModel, Parts, Violation } from './explore.ts'

export interface Sampling {
  readonly walks: number
  /** The first walk has this seed, the next one the next. */
  readonly seed: number
  /** Steps of one walk at most. @default 500 */
  readonly steps?: number
}

export interface Sampled {
  readonly walks: number
  readonly steps: number
  /** With the seed of its walk: `{ seed, walks: 1 }` shows it again. */
  readonly violation?: Violation & { readonly seed: number }
}

/** Walks until nothing more can happen, or the first violation. Each state on the way is checked. */
export async function sample<State extends Parts>(model: AsyncModel<State>, sampling: Sampling): Promise<Sampled> {
  const { walks, seed, steps: most = 500 } = sampling
  let steps = 0
  for (let walk = 0; walk < walks; walk++) {
    const random = seededRandom(seed + walk)
    const trace: string[] = []
    let state = model.initial
    for (let step = 0; step < most; step++) {
      const ways = [...(await model.next(state))]
      if (ways.length === 0) break
      const way = drawn(ways, random())
      steps++
      trace.push(way.label)
      state = way.state
      const what = await model.violation(state)
      if (what !== undefined) return { walks: walk + 1, steps, violation: { what, trace, state, seed: seed + walk } }
    }
  }
  return { walks, steps }
}

function drawn<Way extends { readonly weight?: number }>(ways: readonly Way[], chance: number): Way {
  let left = chance * ways.reduce((sum, { weight = 1 }) => sum + weight, 0)
  for (const way of ways) {
    left -= way.weight ?? 1
    if (left < 0) return way
  }
  return ways.at(-1)!
}

/** Numbers in [0, 1) that follow from the seed (Mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
