/** Rewinds sinks of one pipeline on a running stack: plan, do, wait, finish. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import { openAdmin } from '../../kafka/admin.ts'
import { kafkaOf } from '../kafka-target.ts'
import { patience } from '../patience.ts'
import type { Target, TargetPipeline } from '../target.ts'
import { planRewind } from './plan.ts'
import type { PlanRequest } from './plan.ts'
import { openPorts } from './ports.ts'
import type { Opened, RewindTo } from './ports.ts'
import { begin, finish, isThrough, unfinishedOf } from './protocol.ts'
import type { Outcome, PipelineSink, Plan, Unfinished } from './protocol.ts'

export type { RewindTo } from './ports.ts'
export type { Outcome, Plan } from './protocol.ts'

/** A store of many objects takes its time; whoever waits can stop it. */
const PATIENCE_MS = 24 * 3_600_000
const POLL_MS = 500
/** Without a step forward for so long, a person should look. */
const STUCK_MS = 120_000

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
  const { request, onProgress, pipeline } = options
  return opened(options, async (open) => {
    const { ports, sinks } = open
    onProgress('Pausing the event source mapping')
    await ports.pause()
    let plan: Plan
    try {
      onProgress('Looking at the log and the stores')
      plan = await planRewind(ports, sinks, request)
    } catch (error) {
      await ports.resume() // nothing was changed
      throw error
    }
    onProgress('Removing what is to be written again')
    const begun = await begin(ports, plan)
    onProgress('Enabling the event source mapping')
    await ports.resume()
    return { pipeline: pipeline.name, sinks: await settle(options, open, begun) }
  })
}

/** What is left of rewinds whose verb was stopped while the log was read again: waits for that, and finishes them. */
export function finishRewind(options: RewindOptions): Promise<RewindReport> {
  return opened(options, async (open) => ({
    pipeline: options.pipeline.name,
    sinks: await settle(options, open, new Map()),
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

async function settle(
  options: RewindOptions,
  { ports, sinks }: Opened,
  begun: ReadonlyMap<string, Omit<Outcome, 'swept'>>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const sink of sinks.filter(({ chosen }) => chosen)) {
    const unfinished = await caughtUp(options, ports, sink)
    if (unfinished.length === 0) continue
    options.onProgress(`Removing what nothing replaced in ${sink.id}`)
    const swept = await finish(ports, sink, unfinished)
    const epoch = Math.max(...unfinished.map(({ watermark }) => watermark.epoch))
    outcomes.push({ id: sink.id, epoch, removed: 0, deadLetters: 0, ...begun.get(sink.id), swept })
  }
  return outcomes
}

/** Resolves when the sink has read again all that there was. Throws WEIR_STUCK, WEIR_USAGE. */
async function caughtUp(
  { onProgress, pipeline }: RewindOptions,
  ports: Opened['ports'],
  sink: PipelineSink,
): Promise<readonly Unfinished[]> {
  const sources = (await ports.offsets()).map(({ partition }) => ports.sourceOf(partition))
  let before = -1
  let moved = performance.now()
  for (;;) {
    const unfinished = unfinishedOf(await sink.target.read(sources, ports.deadline))
    if (
      unfinished.some(({ rewind }) => rewind.state === 'removing') ||
      (unfinished.length > 0 && (await ports.isPaused()))
    )
      throw new WeirError('WEIR_USAGE', {
        reason: `the rewind of sink "${sink.id}" was cut off before the log could be read again`,
        advice: 'Run the same rewind again, without --finish.',
      })
    const committed = await ports.committed()
    const readTo = (each: Unfinished) => committed.get(each.source.partition) ?? each.rewind.target
    const leftOf = (each: Unfinished) => Math.max(0, each.rewind.end - Math.min(each.watermark.next, readTo(each)))
    const left = unfinished.reduce((sum, each) => sum + leftOf(each), 0)
    onProgress(`Reading the log again for ${sink.id}`, `${left} offsets to go`)
    // Standing still: what is left may be no records.
    if (left === 0 || left === before) {
      const through = await Promise.all(unfinished.map((each) => isThrough(ports, each, readTo(each))))
      if (through.every(Boolean)) return unfinished
    }
    if (left !== before) moved = performance.now()
    before = left
    const seconds = Math.round((performance.now() - moved) / 1000)
    if (seconds * 1000 > STUCK_MS) throw new WeirError('WEIR_STUCK', { pipeline: pipeline.name, lag: left, seconds })
    await sleep(POLL_MS, undefined, { signal: ports.deadline.signal })
  }
}
