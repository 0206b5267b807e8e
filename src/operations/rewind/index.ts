/** Rewinds sinks of one pipeline on a running stack. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Pipeline } from '../../core/pipeline.ts'
import { openAdmin } from '../../kafka/admin.ts'
import { kafkaOf } from '../kafka-target.ts'
import { patience } from '../patience.ts'
import type { Target, TargetPipeline } from '../target.ts'
import { planRewind } from './plan.ts'
import type { PlanRequest } from './plan.ts'
import { openPorts } from './ports.ts'
import type { Opened, RewindTo } from './ports.ts'
import type { Outcome, Plan } from './protocol.ts'
import { runFinish, runRewind } from './verb.ts'
import type { Verb } from './verb.ts'

export type { RewindTo } from './ports.ts'
export type { Outcome, Plan } from './protocol.ts'

/** A store of many objects takes its time; whoever waits can stop it. */
const PATIENCE_MS = 24 * 3_600_000

export interface RewindOptions {
  readonly target: Target
  readonly pipeline: Pipeline
  readonly place: TargetPipeline
  /** Sink ids; undefined: all. */
  readonly chosen: readonly string[] | undefined
  readonly to: RewindTo
  readonly request: PlanRequest
  readonly signal: AbortSignal
  readonly onProgress: (step: string, detail?: string) => void
}

export interface RewindReport {
  readonly pipeline: string
  readonly sinks: readonly Outcome[]
}

/** What a rewind would do; nothing is changed. Throws WEIR_USAGE, WEIR_UNKNOWN, and what stores and brokers do. */
export function planOf(options: RewindOptions): Promise<Plan> {
  return opened(options, ({ ports, sinks }) => planRewind(ports, sinks, options.request))
}

/** Does it, and resolves when it is finished. Cut off at any moment, the same again comes to the same end. */
export function rewind(options: RewindOptions): Promise<RewindReport> {
  return reported(options, runRewind)
}

/** What is left of rewinds whose verb was stopped while the log was read again: waits for that, and finishes them. */
export function finishRewind(options: RewindOptions): Promise<RewindReport> {
  return reported(options, runFinish)
}

function reported(options: RewindOptions, run: typeof runRewind): Promise<RewindReport> {
  const { pipeline, request, onProgress, signal } = options
  const clock: Verb['clock'] = {
    now: () => performance.now(),
    sleep: (ms) => sleep(ms, undefined, { signal }),
  }
  return opened(options, async (open) => ({
    pipeline: pipeline.name,
    sinks: await run(open, { pipeline: pipeline.name, request, onProgress, clock }),
  }))
}

async function opened<T>(options: RewindOptions, work: (open: Opened) => Promise<T>): Promise<T> {
  const { target, signal } = options
  const connection = kafkaOf(target)
  const admin = openAdmin(connection)
  const deadline = patience(PATIENCE_MS, signal)
  try {
    const open = openPorts({ ...options, connection, admin, deadline })
    try {
      return await work(open)
    } finally {
      await open.close()
    }
  } finally {
    await admin.close()
  }
}
