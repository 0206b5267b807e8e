/** What a rewind asks of the dead letters. */
import type { Deadline } from '../../core/ports.ts'
import {
  countOpenLetters,
  retireLetters,
  standingLetters,
  supersedeLetters,
} from '../../sinks/dead-letters/supersede.ts'
import type { LetterRange, LettersPlace } from '../../sinks/dead-letters/supersede.ts'
import type { Stale } from '../../sinks/rewind.ts'
import type { PlanPorts } from './plan.ts'
import type { RewindPorts } from './protocol.ts'

export type LetterPorts = Pick<RewindPorts, 'supersede' | 'retire' | 'standing'> & Pick<PlanPorts, 'openLetters'>

export function letterPorts(place: LettersPlace, pipeline: string, deadline: Deadline): LetterPorts {
  const each = async (sink: string, stale: readonly Stale[], work: (range: LetterRange) => Promise<number>) => {
    let count = 0
    for (const { source, target: from, epoch: below } of stale)
      count += await work({ pipeline, sink, source, from, below })
    return count
  }
  return {
    openLetters: (sink, sources, below) =>
      each(
        sink,
        sources.map((source) => ({ source, target: 0, epoch: below })),
        (range) => countOpenLetters(place, range, deadline),
      ),
    standing: ({ source, target: from }) =>
      standingLetters(place, { pipeline, sink: '*', source, from, below: 1 }, deadline),
    supersede: (sink, stale) => each(sink, stale, (range) => supersedeLetters(place, range, deadline)),
    retire: (sink, stale) => each(sink, stale, (range) => retireLetters(place, { ...range, from: 0 }, deadline)),
  }
}
