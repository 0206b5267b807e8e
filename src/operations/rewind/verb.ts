/**
 * What the verb does, over ports and a clock: plan, do, wait, finish. Cut off at any moment, the same again comes to the same end.
 */
import { WeirError } from '../../core/errors.ts'
import { planRewind } from './plan.ts'
import type { PlanRequest } from './plan.ts'
import type { Opened } from './ports.ts'
import { begin, finish, isThrough, unfinishedOf } from './protocol.ts'
import type { Outcome, PipelineSink, Plan, Unfinished } from './protocol.ts'

const POLL_MS = 500
/** Without a step forward for so long, a person should look. */
const STUCK_MS = 120_000

export interface Verb {
  readonly pipeline: string
  readonly request: PlanRequest
  readonly onProgress: (step: string, detail?: string) => void
  readonly clock: { now(): number; sleep(ms: number): Promise<void> }
}

type World = Pick<Opened, 'ports' | 'sinks'>

/** Resolves when it is finished. Throws WEIR_USAGE, WEIR_CONTENDED, WEIR_STUCK, and what stores and brokers do. */
export async function runRewind(world: World, verb: Verb): Promise<readonly Outcome[]> {
  const { ports, sinks } = world
  const { onProgress, request } = verb
  onProgress('Pausing the event source mapping')
  // It stands still where another run of this was cut off: then nothing is to be read before this one gets further.
  const wasPaused = await ports.isPaused()
  await ports.pause()
  let plan: Plan
  try {
    onProgress('Looking at the log and the stores')
    plan = await planRewind(ports, sinks, request)
  } catch (error) {
    if (!wasPaused) await ports.resume() // nothing was changed
    throw error
  }
  onProgress('Removing what is to be written again')
  const begun = await begin(ports, plan)
  onProgress('Enabling the event source mapping')
  await ports.resume()
  return settle(world, verb, begun)
}

/** What is left of rewinds whose verb was stopped while the log was read again: waits for that, and finishes them. */
export function runFinish(world: World, verb: Verb): Promise<readonly Outcome[]> {
  return settle(world, verb, new Map())
}

async function settle(
  { ports, sinks }: World,
  verb: Verb,
  begun: ReadonlyMap<string, Omit<Outcome, 'swept'>>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const sink of sinks.filter(({ chosen }) => chosen)) {
    const unfinished = await caughtUp(verb, ports, sink)
    if (unfinished.length === 0) continue
    verb.onProgress(`Removing what nothing replaced in ${sink.id}`)
    const swept = await finish(ports, sink, unfinished)
    const epoch = Math.max(...unfinished.map(({ watermark }) => watermark.epoch))
    outcomes.push({ id: sink.id, epoch, removed: 0, deadLetters: 0, ...begun.get(sink.id), swept })
  }
  return outcomes
}

/** Resolves when the sink has read again all that there was. Throws WEIR_STUCK, WEIR_USAGE. */
async function caughtUp(
  { onProgress, pipeline, clock }: Verb,
  ports: Opened['ports'],
  sink: PipelineSink,
): Promise<readonly Unfinished[]> {
  const sources = (await ports.offsets()).map(({ partition }) => ports.sourceOf(partition))
  let before = -1
  let moved = clock.now()
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
    if (left !== before) moved = clock.now()
    before = left
    const seconds = Math.round((clock.now() - moved) / 1000)
    if (seconds * 1000 > STUCK_MS) throw new WeirError('WEIR_STUCK', { pipeline, lag: left, seconds })
    await clock.sleep(POLL_MS)
  }
}
