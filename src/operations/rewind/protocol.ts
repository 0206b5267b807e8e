/**
 * The order of a rewind (docs/delivery.md, D13): functions over ports, so that they run against real stores, and against
 * models of them in every order.
 *
 *   pause ─> plan ─> expect ─> begin ─> remove ─> open ─> move the group ─> resume ─> wait ─> sweep ─> finish
 *
 * Cut off anywhere, the same rewind run again comes to the same end: it begins anew, under a later epoch. Until `open` a sink
 * accepts nothing. From `resume` on, waiting and what follows can be had alone: `settle`.
 */
import { expecting, finished, hasCaughtUp, opened, rewoundTo } from '../../core/watermark.ts'
import type { Checkpoint, Rewind, RewindPlan, Watermark } from '../../core/watermark.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import { sourceLabel } from '../../core/record.ts'
import type { Source } from '../../core/record.ts'
import type { RewindTarget, Stale, Standing } from '../../sinks/rewind.ts'

/** One sink of the pipeline; those that are not chosen are told that the log is about to be read again. */
export interface PipelineSink {
  readonly id: string
  readonly chosen: boolean
  readonly target: RewindTarget
}

export interface RewindPorts {
  readonly deadline: Deadline
  /** Resolves when the mapping is disabled and nothing that it invoked can still write. */
  readonly pause: () => Promise<void>
  readonly resume: () => Promise<void>
  /** The first record that a mapping would deliver of [from, to). */
  readonly firstRecord: (partition: number, from: number, to: number) => Promise<Checkpoint | undefined>
  readonly moveGroup: (offsets: ReadonlyMap<number, number>) => Promise<void>
  /** Dead letters of these records count no more; '*' is those that concern all sinks. Gives how many there were. */
  readonly supersede: (sink: string, stale: readonly Stale[]) => Promise<number>
  /** Of records from the target on: offsets of those with a dead letter that concerns all sinks and counts. Ascending. */
  readonly standing: (stale: Pick<Stale, 'source' | 'target'>) => Promise<readonly number[]>
  /** Dead letters of the topic's former life go; each has been dealt with. */
  readonly retire: (sink: string, stale: readonly Stale[]) => Promise<number>
}

/** What one sink is to do with one source. */
export interface PlannedSource {
  readonly source: Source
  /** The first offset without effect before the rewind; null where nothing took effect. */
  readonly next: number | null
  readonly plan: RewindPlan
}

export interface PlannedSink {
  readonly sink: PipelineSink
  readonly sources: readonly PlannedSource[]
}

export interface PlannedPartition {
  readonly source: Source
  /** Where the group goes on. */
  readonly from: number
  readonly head: Checkpoint | undefined
}

export interface Plan {
  readonly chosen: readonly PlannedSink[]
  readonly others: readonly PipelineSink[]
  readonly partitions: readonly PlannedPartition[]
}

export interface Outcome {
  readonly id: string
  readonly epoch: number
  /** Objects or rows that went before the log was read again. */
  readonly removed: number
  /** Rows or items that nothing replaced. */
  readonly swept: number
  readonly deadLetters: number
}

/** Everything up to the moment when the log is read again. Gives what went, by sink. */
export async function begin(ports: RewindPorts, plan: Plan): Promise<ReadonlyMap<string, Omit<Outcome, 'swept'>>> {
  await expect(ports, plan)
  for (const planned of plan.chosen) await raise(ports, planned)
  const gone = new Map<string, Omit<Outcome, 'swept'>>()
  for (const planned of plan.chosen) gone.set(planned.sink.id, await remove(ports, planned))
  await settlePipelineLetters(ports, plan)
  for (const planned of plan.chosen) await open(ports, planned)
  await ports.moveGroup(new Map(plan.partitions.map(({ source, from }) => [source.partition, from])))
  return gone
}

/** The other sinks: an event that begins there is none of a topic made anew. */
async function expect({ deadline }: RewindPorts, { others, partitions }: Plan): Promise<void> {
  for (const { target } of others)
    for (const { source, head } of partitions)
      if (head) await target.change(source, (before) => before && expecting(before, head), deadline)
}

/** From here on nothing from before the rewind can be counted, and nothing new is accepted. */
async function raise({ deadline }: RewindPorts, { sink, sources }: PlannedSink): Promise<void> {
  for (const { source, plan } of sources)
    await sink.target.change(
      source,
      (before) => {
        // Somebody else rewinds, or an invocation from before began a source that the plan found unknown.
        if (before && (before.epoch >= plan.epoch || (plan.removes && before.next < plan.target)))
          throw new WeirError('WEIR_CONTENDED', { sink: sink.id, source: sourceLabel(source) })
        return rewoundTo(before, plan)
      },
      deadline,
    )
}

async function remove(ports: RewindPorts, { sink, sources }: PlannedSink): Promise<Omit<Outcome, 'swept'>> {
  const stale = sources.map(({ source, plan: { target, epoch } }) => ({ source, target, epoch }))
  const { epoch, removes } = sources[0]!.plan
  const removed = removes ? await sink.target.remove(stale, ports.deadline) : 0
  const deadLetters = removes ? await ports.supersede(sink.id, stale) : await ports.retire(sink.id, stale)
  return { id: sink.id, epoch, removed, deadLetters }
}

/** Letters that concern all sinks, where all are rewound: from the greatest of their targets on every one tries again. */
async function settlePipelineLetters(ports: RewindPorts, { chosen, others, partitions }: Plan): Promise<void> {
  if (others.length > 0) return
  const plans = chosen.flatMap(({ sources }) => sources)
  const stale = partitions.map(({ source }): Stale => {
    const own = plans.filter((each) => each.source.partition === source.partition).map(({ plan }) => plan)
    const target = Math.max(...own.map((plan) => plan.target))
    return { source, target, epoch: Math.max(...own.map(({ epoch }) => epoch)) }
  })
  if (plans[0]!.plan.removes) await ports.supersede('*', stale)
  else await ports.retire('*', stale)
}

/**
 * A sink that keeps every row leaves out what has a letter of all sinks still: the letter stands for the record until it is replayed,
 * and a copy that was replayed is read again as well.
 */
async function open({ deadline, standing }: RewindPorts, { sink, sources }: PlannedSink): Promise<void> {
  for (const { source, plan } of sources) {
    const { epoch, target, removes } = plan
    const without = sink.target.keyed || !removes ? [] : await standing({ source, target })
    await sink.target.change(
      source,
      (before) => {
        if (before?.epoch === epoch) return opened(before, without)
        throw new WeirError('WEIR_CONTENDED', { sink: sink.id, source: sourceLabel(source) })
      },
      deadline,
    )
  }
}

export interface Unfinished {
  readonly source: Source
  readonly watermark: Watermark
  readonly rewind: Rewind
}

/** Sources of the sink whose rewind is not finished. */
export function unfinishedOf(standings: readonly Standing[]): Unfinished[] {
  return standings.flatMap(({ source, watermark }) =>
    watermark?.rewind ? [{ source, watermark, rewind: watermark.rewind }] : [],
  )
}

/**
 * Whether everything that the log held at the rewind has effect again. What is left below its end may be no records at all:
 * transaction markers, or compacted away.
 * @param committed where the group is: the log was read to there, in its order
 */
export async function isThrough(
  { firstRecord }: Pick<RewindPorts, 'firstRecord'>,
  { source, watermark, rewind }: Unfinished,
  committed: number,
): Promise<boolean> {
  if (hasCaughtUp(watermark, committed)) return true
  if (rewind.state !== 'reading') return false
  const read = Math.min(watermark.next, committed)
  return (await firstRecord(source.partition, read, rewind.end)) === undefined
}

/** After `isThrough` of each: takes out what nothing replaced, and ends the rewind. Gives how much that was. */
export async function finish(
  { deadline }: Pick<RewindPorts, 'deadline'>,
  { target }: Pick<PipelineSink, 'target'>,
  unfinished: readonly Unfinished[],
): Promise<number> {
  const stale = unfinished.filter(({ rewind }) => rewind.removes)
  const swept = await target.sweep(
    stale.map(({ source, watermark: { epoch }, rewind: { target } }) => ({ source, epoch, target })),
    deadline,
  )
  for (const {
    source,
    watermark: { epoch },
  } of unfinished)
    await target.change(
      source,
      (before) => (before?.rewind && before.epoch === epoch ? finished(before) : before),
      deadline,
    )
  return swept
}
