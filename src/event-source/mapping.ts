/** An event source mapping in on-demand mode: its state and what it counts, around one poller. */
import type { Clock, Log, Random } from '../core/ports.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { newCounters, snapshot, type MappingMetrics } from './counters.ts'
import type { Invoke } from './invoker.ts'
import { createPoller, type Poller } from './poller.ts'
import type { MappingSettings } from './settings.ts'

/** Of the Lambda API; the transitional ones are seen while `start` and `stop` run. */
export type MappingState = 'Disabled' | 'Enabling' | 'Enabled' | 'Disabling'

export interface MappingOptions {
  /** From `mappingSettings`, which refuses what Lambda refuses. */
  readonly settings: MappingSettings
  /** Its bootstrap addresses are the event's `bootstrapServers`. */
  readonly connection: KafkaConnection
  readonly invoke: Invoke
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface Mapping {
  readonly settings: MappingSettings
  /** Resolves when the group gave it its partitions; keeps trying while Kafka is away. Throws where it may not join. */
  start(): Promise<void>
  /** Ends invocations under way (10 s at most), commits, leaves the group. Started again, it resumes at the commit (E26). */
  stop(): Promise<void>
  state(): MappingState
  /** "No records processed", "OK", "PROBLEM: ...". */
  lastProcessingResult(): string
  /** Counts since creation. */
  metrics(): MappingMetrics
}

export function createMapping(options: MappingOptions): Mapping {
  const counters = newCounters()
  let state: MappingState = 'Disabled'
  let result = 'No records processed'
  let poller: Poller | undefined
  let stopping: Promise<void> | undefined
  const end = async (stopped: Poller) => {
    await stopped.stop()
    state = 'Disabled'
    stopping = undefined
  }
  return {
    settings: options.settings,
    async start() {
      // two pollers of one mapping would be two members of its group
      if (stopping) await stopping
      if (poller) return
      state = 'Enabling'
      const started = createPoller({ ...options, counters, report: (told) => void (result = told) })
      poller = started
      await started.start()
      if (poller === started) state = 'Enabled'
    },
    async stop() {
      if (poller) {
        state = 'Disabling'
        stopping = end(poller)
        poller = undefined
      }
      await stopping
    },
    state: () => state,
    lastProcessingResult: () => result,
    metrics: () => snapshot(counters, poller?.lag() ?? new Map()),
  }
}
