/** The sinks under audit: each with its store, its watermarks and its count. */
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import { sourceMark } from '../../core/record.ts'
import { openAdmin } from '../../kafka/admin.ts'
import type { SinkDefinition, SinkKind } from '../../sinks/sink.ts'
import { kafkaOf } from '../kafka-target.ts'
import type { Target, TargetPipeline } from '../target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { createCourse } from './course.ts'
import { openDynamodbAuditor } from './dynamodb.ts'
import type { LogSnapshot } from './log.ts'
import { openPostgresAuditor, postgresProgress, readOutbox } from './postgres.ts'
import { ledgerProgress } from './progress.ts'
import type { ProgressOf } from './progress.ts'
import { createTally } from './report.ts'
import type { SinkAudit } from './report.ts'
import { openS3Auditor } from './s3.ts'
import type { Scratch, Sorter } from './sorter.ts'
import type { WalkedSink } from './walk.ts'

export interface AuditedSink extends WalkedSink {
  /** Reads the watermarks once more. */
  settled(): Promise<void>
  /** @param ends of the log, read after the watermarks */
  result(ends: ReadonlyMap<number, number>): SinkAudit
}

export interface OpenSinks {
  readonly target: Target
  readonly targetPipeline: TargetPipeline
  readonly pipeline: Pipeline
  readonly definitions: readonly SinkDefinition[]
  readonly log: LogSnapshot
  readonly scratch: Scratch
  /** Takes the dead letters that a sink has not handed over. */
  readonly letters: Sorter
  readonly holes: AuditorContext['holes']
  readonly limit: number | undefined
  readonly onProgress: (step: string, detail?: string) => void
}

type Progressed = (signal: AbortSignal) => Promise<ProgressOf>

/** Reads what the group has committed, then the watermarks, then what each store lists: in the order in which they can only grow. */
export async function openAuditedSinks(open: OpenSinks, signal: AbortSignal): Promise<readonly AuditedSink[]> {
  const committed = await committedOf(open)
  const sinks: AuditedSink[] = []
  try {
    for (const definition of open.definitions) sinks.push(await openSink(open, definition, committed, signal))
  } catch (error) {
    for (const { auditor } of sinks) await auditor.close()
    throw error
  }
  return sinks
}

async function committedOf({
  target,
  targetPipeline,
  log,
}: OpenSinks): Promise<ReadonlyMap<number, number | undefined>> {
  const admin = openAdmin(kafkaOf(target))
  try {
    return await admin.groupOffsets(targetPipeline.consumerGroup, log.topic)
  } catch (error) {
    // a right of its own: without it the watermarks alone say what is due
    if (error instanceof WeirError && String(error.details.error).includes('AUTHORIZATION_FAILED')) return new Map()
    throw error
  } finally {
    await admin.close()
  }
}

async function openSink(
  open: OpenSinks,
  sink: SinkDefinition,
  committed: ReadonlyMap<number, number | undefined>,
  signal: AbortSignal,
): Promise<AuditedSink> {
  const { log, limit, target, targetPipeline, letters } = open
  const progress = progressOf(open, sink)
  const before = await progress(signal)
  if (sink.kind === 'postgres') await readOutbox(target, targetPipeline, sink.id, letters, signal)
  let after = before
  const settled = async () => void (after = await progress(signal))
  const tally = createTally(limit)
  const course = createCourse({
    kind: sink.kind,
    log,
    tally,
    before,
    committed,
    ...(limit === undefined ? {} : { limit }),
  })
  const context: AuditorContext = {
    ...open,
    ...course,
    ...marksOf(targetPipeline, log),
    sink,
    tally,
    settled,
    epochOf: (partition) => after.get(partition)?.epoch ?? 0,
  }
  const auditor = await auditors[sink.kind](context, signal)
  return {
    id: sink.id,
    definition: sink,
    tally,
    course,
    auditor,
    settled,
    result: (ends) => {
      const gaps = course.finish(after, ends)
      return tally.result(sink.kind, gaps)
    },
  }
}

function progressOf({ target, targetPipeline, log }: OpenSinks, { id, kind }: SinkDefinition): Progressed {
  if (kind === 'postgres') return (signal) => postgresProgress(target, targetPipeline, id, signal)
  const partitions = log.partitions.map(({ partition }) => partition)
  return (signal) => ledgerProgress(target, targetPipeline, id, partitions, signal)
}

/** Kept, since it is asked for every row. */
function marksOf({ cluster, topic }: TargetPipeline, log: LogSnapshot): Pick<AuditorContext, 'markOf' | 'partitionOf'> {
  const marks = log.partitions.map(({ partition }) => sourceMark({ cluster, topic, partition }))
  const partitions = new Map(marks.map((mark, partition) => [mark, partition]))
  return { markOf: (partition) => marks[partition] ?? '', partitionOf: (mark) => partitions.get(mark) }
}

type Opener = (context: AuditorContext, signal: AbortSignal) => SinkAuditor | Promise<SinkAuditor>

const auditors: Readonly<Record<SinkKind, Opener>> = {
  s3: openS3Auditor,
  postgres: openPostgresAuditor,
  dynamodb: openDynamodbAuditor,
  memory: notAuditable('a memory sink lives and dies with its process'),
  custom: notAuditable("what a custom sink's store holds only its own code can read"),
}

function notAuditable(why: string): Opener {
  return ({ sink }) => {
    throw new WeirError('WEIR_DEFINITION_INVALID', {
      what: `Sink "${sink.id}"`,
      reason: `${why}, so it cannot be audited`,
    })
  }
}
