import { simulate } from './simulation.ts'
import type { Simulated, SimulateOptions } from './simulation.ts'

export interface Sweep {
  readonly seeds: number
  readonly steps: number
  readonly invocations: number
  readonly troubles: Readonly<Record<string, number>>
  /** The first that went wrong. */
  readonly failed: Simulated | undefined
}

/** What strikes in a thousand seeds. */
export const TROUBLES = [
  'a command is interrupted',
  'a listing comes in pages',
  'a process dies',
  'a replay is not sent, or not heard of',
  'a request fails',
  'a rewind has to be run again',
  'a store is down',
  'an answer is lost',
  'an invocation times out, and lives on',
  'another version is deployed',
  'invocations outlive the pause',
  'retention takes records',
  'somebody runs discard',
  'somebody runs replay',
  'somebody runs rewind',
  'the brokers fail',
  'the mapping begins anew',
  'the mapping gives a batch up',
  'the topic is made anew',
]

/** Seeds one after the other, until one goes wrong. */
export async function sweep(
  from: number,
  count: number,
  options: SimulateOptions = {},
  told: (seeds: number) => void = () => undefined,
): Promise<Sweep> {
  const troubles: Record<string, number> = {}
  const sum = { steps: 0, invocations: 0 }
  for (let seed = from; seed < from + count; seed++) {
    const one = await simulate(seed, options)
    sum.steps += one.steps
    sum.invocations += one.invocations
    for (const [kind, times] of Object.entries(one.troubles)) troubles[kind] = (troubles[kind] ?? 0) + times
    const seeds = seed - from + 1
    told(seeds)
    if (one.wrong !== undefined) return { ...sum, seeds, troubles, failed: one }
  }
  return { ...sum, seeds: count, troubles, failed: undefined }
}

export function toldOf({ seed, wrong, trace }: Simulated): string {
  return [`seed ${seed}: ${wrong}`, ...trace, `again: npm run simulate -- --from ${seed} --seeds 1`].join('\n')
}
