/** What parent and process of a contestant say to each other. */
import type { Targets } from './contestant.ts'
import type { Workload } from './records.ts'

export type ContestantName = 'weirhouse' | 'careful' | 'naive' | 'ceiling'

/** How a process is started: as JSON in this variable, since arguments are seen by everybody on a machine. */
export const START_VARIABLE = 'WEIRHOUSE_BENCH'

export interface Start {
  readonly contestant: ContestantName
  readonly workload: Workload
  readonly targets: Targets
  /** Of Weirhouse. */
  readonly bundle: string
}

/** Runs until so many milliseconds are spent in the handler and so many events are through. */
export interface Turn {
  readonly milliseconds: number
  readonly events: number
  /** Takes a profile of so many events instead, all made before. */
  readonly profile?: boolean
}

export interface Spent {
  readonly records: number
  readonly milliseconds: number
  /** Of every event, in order. */
  readonly each: readonly number[]
  readonly cpuMicroseconds: number
  /** High-water mark of the process so far. */
  readonly peakBytes: number
  /** Where the CPU was, greatest share first. */
  readonly profile?: readonly Hot[]
}

/** A function, and the share of the CPU time that was spent in it, callees left out. */
export interface Hot {
  readonly name: string
  readonly share: number
}
