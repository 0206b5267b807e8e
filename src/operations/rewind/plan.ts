/** What a rewind will do, decided from what stands; nothing is changed. */
import { WeirError } from '../../core/errors.ts'
import { MAX_LEFT_OUT } from '../../core/limits.ts'
import type { Deadline } from '../../core/ports.ts'
import type { Source } from '../../core/record.ts'
import type { Checkpoint, Watermark } from '../../core/watermark.ts'
import type { PartitionOffsets } from '../../kafka/admin.ts'
import type { Standing } from '../../sinks/rewind.ts'
import type { PipelineSink, Plan, PlannedPartition, PlannedSink, PlannedSource } from './protocol.ts'

export interface PlanRequest {
  /** Partitions to rewind; all where empty. */
  readonly partitions: readonly number[]
  /** A target below the log's start is raised to it, and effects below that stay. */
  readonly fromLogStart: boolean
  /** The topic was created anew: read it from its start, and let the effects of the old one be. */
  readonly acceptNewTopic: boolean
}

export interface PlanPorts {
  readonly deadline: Deadline
  readonly topic: string
  readonly sourceOf: (partition: number) => Source
  /** As a mapping reads it: committed records. Ascending. */
  readonly offsets: () => Promise<readonly PartitionOffsets[]>
  /** By partition: the offset that is asked for. */
  readonly asked: () => Promise<ReadonlyMap<number, number>>
  readonly committed: () => Promise<ReadonlyMap<number, number | undefined>>
  readonly firstRecord: (partition: number, from: number, to: number) => Promise<Checkpoint | undefined>
  /** As of `RewindPorts`. */
  readonly standing: (stale: { readonly source: Source; readonly target: number }) => Promise<readonly number[]>
  /** Dead letters of a sink ('*': of all) on these sources, below an epoch, that nobody has dealt with. */
  readonly openLetters: (sink: string, sources: readonly Source[], below: number) => Promise<number>
}

interface Stood {
  readonly sink: PipelineSink
  readonly standings: readonly Standing[]
  /** The epoch to come: above every one that the sink has on any source. */
  readonly epoch: number
}

/** Throws WEIR_USAGE for what is not to be done, with the reason. */
export async function planRewind(
  ports: PlanPorts,
  sinks: readonly PipelineSink[],
  request: PlanRequest,
): Promise<Plan> {
  const log = await ports.offsets()
  const partitions = chosenPartitions(log, sinks, request, ports.topic)
  const stood = await Promise.all(sinks.map((sink) => stand(ports, sink, log)))
  const asked = await ports.asked()
  const committed = request.acceptNewTopic ? new Map<number, number>() : await ports.committed()
  const chosen: PlannedSink[] = []
  for (const each of stood.filter(({ sink }) => sink.chosen)) {
    if (request.acceptNewTopic) await requireOtherLog(ports, each, partitions)
    const sources: PlannedSource[] = []
    for (const offsets of partitions) {
      const wanted = targetOf(offsets, asked, request, ports.topic)
      // What a sink that knows nothing of the source is to get first.
      const begins = committed.get(offsets.partition) ?? offsets.start
      sources.push(await planSource(ports, each, offsets, wanted, begins, request))
    }
    chosen.push({ sink: each.sink, sources })
  }
  if (request.acceptNewTopic) await requireNoOpenLetters(ports, stood, partitions)
  else if (chosen.length < sinks.length) for (const each of chosen) await requireFewLetters(ports, each)
  const read: PlannedPartition[] = []
  for (const offsets of partitions) {
    const targets = chosen.flatMap(({ sources }) => targetsIn(sources, offsets.partition))
    const others = request.acceptNewTopic ? [] : stood.flatMap((each) => nextIn(each, offsets.partition))
    const wanted = Math.min(...targets, ...others, committed.get(offsets.partition) ?? Infinity)
    const from = Math.max(offsets.start, wanted)
    const head = await ports.firstRecord(offsets.partition, from, offsets.end)
    read.push({ source: ports.sourceOf(offsets.partition), from, head })
  }
  return { chosen: withHeads(chosen, read), others: sinks.filter((sink) => !sink.chosen), partitions: read }
}

function chosenPartitions(
  log: readonly PartitionOffsets[],
  sinks: readonly PipelineSink[],
  { partitions }: PlanRequest,
  topic: string,
): readonly PartitionOffsets[] {
  if (partitions.length === 0) return log
  const keyed = sinks.find(({ chosen, target }) => chosen && target.keyed)
  if (keyed)
    throw new WeirError('WEIR_USAGE', {
      reason: `sink "${keyed.id}" keeps the newest row of each key, whatever partition it came from, and cannot be rewound by partition`,
      advice: 'Leave --partition out.',
    })
  const unknown = partitions.find((partition) => !log.some((each) => each.partition === partition))
  if (unknown !== undefined)
    throw new WeirError('WEIR_UNKNOWN', {
      what: `partition of "${topic}"`,
      name: unknown,
      known: `0..${log.length - 1}`,
    })
  return log.filter(({ partition }) => partitions.includes(partition))
}

async function stand(
  { sourceOf, deadline }: PlanPorts,
  sink: PipelineSink,
  log: readonly PartitionOffsets[],
): Promise<Stood> {
  const standings = await sink.target.read(
    log.map(({ partition }) => sourceOf(partition)),
    deadline,
  )
  return { sink, standings, epoch: 1 + Math.max(0, ...standings.map(({ epoch }) => epoch)) }
}

/** Within the log. Nobody is to learn afterwards that what was asked for is not there any more. */
function targetOf(
  { partition, start, end }: PartitionOffsets,
  asked: ReadonlyMap<number, number>,
  { acceptNewTopic, fromLogStart }: PlanRequest,
  topic: string,
): number {
  const wanted = acceptNewTopic ? start : (asked.get(partition) ?? end)
  if (wanted >= start) return Math.min(wanted, end)
  if (fromLogStart) return start
  throw new WeirError('WEIR_USAGE', {
    reason: `the log of ${topic}/${partition} begins at ${start}: records from ${wanted} on are not all there any more`,
    advice: 'Give --from-log-start to rebuild what the log still has; what the sink has of records before it stays.',
  })
}

async function planSource(
  { sourceOf, firstRecord, deadline, topic }: PlanPorts,
  { sink, standings, epoch }: Stood,
  { partition, start, end }: PartitionOffsets,
  wanted: number,
  begins: number,
  { acceptNewTopic }: PlanRequest,
): Promise<PlannedSource> {
  const source = sourceOf(partition)
  const { watermark } = standings.find((standing) => standing.source.partition === partition)!
  // What has no effect yet is not to be passed over.
  const capped = acceptNewTopic ? wanted : Math.min(wanted, watermark?.next ?? Math.max(begins, start))
  const target = acceptNewTopic ? wanted : await sink.target.align(source, capped, start, deadline)
  if (!acceptNewTopic && watermark && target > watermark.next)
    throw new WeirError('WEIR_USAGE', {
      reason: `the log does not have all of an object of ${topic}/${partition} any more that reaches beyond what sink "${sink.id}" has in whole`,
      advice: 'Let the pipeline catch up first.',
    })
  const first = (await firstRecord(partition, target, end))?.offset ?? null
  const plan = { epoch, target, first, end, removes: !acceptNewTopic, head: undefined }
  return { source, next: watermark?.next ?? null, plan }
}

function targetsIn(sources: readonly PlannedSource[], partition: number): number[] {
  return sources.filter(({ source }) => source.partition === partition).map(({ plan }) => plan.target)
}

function nextIn({ standings }: Stood, partition: number): number[] {
  return standings.flatMap(({ source, watermark }) =>
    source.partition === partition && watermark ? [watermark.next] : [],
  )
}

function withHeads(chosen: readonly PlannedSink[], read: readonly PlannedPartition[]): PlannedSink[] {
  const heads = new Map(read.map(({ source, head }) => [source.partition, head]))
  return chosen.map(({ sink, sources }) => ({
    sink,
    sources: sources.map(({ plan, ...rest }) => ({
      ...rest,
      plan: { ...plan, head: heads.get(rest.source.partition) },
    })),
  }))
}

/** Accepting the log that the sink has read already would write all of it twice. */
async function requireOtherLog(
  ports: PlanPorts,
  { sink, standings }: Stood,
  partitions: readonly PartitionOffsets[],
): Promise<void> {
  for (const { partition, start, end } of partitions) {
    const { watermark } = standings.find(({ source }) => source.partition === partition)!
    const same = watermark && (await sameRecord(ports, watermark, partition, start, end))
    if (same !== undefined)
      throw new WeirError('WEIR_USAGE', {
        reason: `sink "${sink.id}" has read this very log: record ${same} of ${ports.topic}/${partition} is the one that it knows`,
        advice: 'To rebuild it, leave --accept-new-topic out.',
      })
  }
}

async function sameRecord(
  { firstRecord }: PlanPorts,
  { checkpoints }: Watermark,
  partition: number,
  start: number,
  end: number,
): Promise<number | undefined> {
  for (const { offset, checksum } of checkpoints) {
    if (offset < start || offset >= end) continue
    const found = await firstRecord(partition, offset, offset + 1)
    if (found?.offset === offset && found.checksum === checksum) return offset
  }
  return undefined
}

/** Where all sinks are rewound, letters of all count no more. */
async function requireFewLetters({ standing, topic }: PlanPorts, { sink, sources }: PlannedSink): Promise<void> {
  if (sink.target.keyed) return
  for (const { source, plan } of sources)
    if ((await standing({ source, target: plan.target })).length > MAX_LEFT_OUT)
      throw new WeirError('WEIR_USAGE', {
        reason: `more than ${MAX_LEFT_OUT} records of ${topic}/${source.partition} have a dead letter of all sinks, and sink "${sink.id}" would have to leave them out`,
        advice: 'Replay or discard some, or rewind all sinks: then they are tried again.',
      })
}

/** Their records are in no log any more, and the new topic will want their places. */
async function requireNoOpenLetters(
  { openLetters, sourceOf, topic }: PlanPorts,
  stood: readonly Stood[],
  partitions: readonly PartitionOffsets[],
): Promise<void> {
  const sources = partitions.map(({ partition }) => sourceOf(partition))
  const below = Math.max(...stood.map(({ epoch }) => epoch))
  const names = stood.flatMap(({ sink }) => (sink.chosen ? [sink.id] : []))
  if (stood.every(({ sink }) => sink.chosen)) names.push('*')
  let open = 0
  for (const name of names) open += await openLetters(name, sources, below)
  if (open === 0) return
  throw new WeirError('WEIR_USAGE', {
    reason: `${open} dead letters of the old topic "${topic}" are open, and their records are nowhere else`,
    advice: 'Deal with them first: docs/operations.md, "Topic restarted".',
  })
}
