/**
 * The audit: does every store hold what the log asks for, once (docs/delivery.md, D14)? It shares decode and transform with
 * the definition and nothing with the write path: the log is read by its own client, each store by code of its own.
 *
 * Per sink, in rows:
 * - expected: asked for by the log; of a keyed table the newest row of each key; of a record with a dead letter none;
 * - missing: asked for, not stored; or a record that became neither rows nor a dead letter;
 * - duplicated: stored again, in another object, under another key, or twice under one;
 * - different: another content, an older version, out of order in its object, an object under another date, dead-lettered
 *   and yet stored, or a row, object or item that no record of the log accounts for;
 * - outside (no fault): of records that retention took, or that came after the audit began.
 * Under the order 'log', a key that spans partitions while timestamps run backwards within one can be reported `different`:
 * that is the order's own weakness (docs/delivery.md, Order).
 */
import { WeirError } from '../../core/errors.ts'
import { sourceMark } from '../../core/record.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import { kafkaOf } from '../kafka-target.ts'
import type { SinkKind } from '../../sinks/sink.ts'
import type { Target, TargetPipeline } from '../target.ts'
import type { AuditorContext, SinkAuditor } from './auditor.ts'
import { deadLettersOf } from './dead.ts'
import type { DeadPositions } from './dead.ts'
import { openDynamodbAuditor } from './dynamodb.ts'
import { expectedOf } from './expect.ts'
import { positionText, readLog, snapshot } from './log.ts'
import type { LogSnapshot } from './log.ts'
import { openPostgresAuditor } from './postgres.ts'
import type { AuditReport, SinkAudit, Tally } from './report.ts'
import { createTally, isSound } from './report.ts'
import { openS3Auditor } from './s3.ts'

export type { AuditReport, Example, SinkAudit } from './report.ts'

/** Names the step, and how far it is. */
export type OnProgress = (step: string, detail?: string) => void

export interface AuditOptions {
  readonly target: Target
  readonly pipeline: Pipeline
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

interface AuditedSink {
  readonly id: string
  readonly kind: SinkAudit['kind']
  readonly tally: Tally
  readonly auditor: SinkAuditor
  readonly isDead: (partition: number, offset: number) => boolean
}

/**
 * Audits one pipeline of a target against the log as it is now. Holds the rows that the log asks for in memory.
 * Throws WEIR_UNKNOWN (the target has no such pipeline), WEIR_KAFKA, WEIR_STORE_UNAVAILABLE, WEIR_REQUEST_FAILED,
 * WEIR_MODULE_MISSING, or the signal's reason; a fault in a store is part of the report.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const { target, pipeline, onProgress = () => undefined, signal = new AbortController().signal } = options
  const targetPipeline = targetPipelineOf(target, pipeline)
  const step = (what: string) => `Auditing ${pipeline.name}: ${what}`
  onProgress(step('reading the log'))
  const log = await snapshot(kafkaOf(target), pipeline.source.topic)
  const dead = await deadLettersOf(target, targetPipeline, signal)
  const markOf = markerOf(targetPipeline)
  const sinks = pipeline.sinks.map((sink): AuditedSink => {
    const tally = createTally()
    const isDead = (partition: number, offset: number) => dead.has(sink.id, partition, offset)
    const context = { target, targetPipeline, pipeline, sink, log, tally, isDead, markOf }
    return { id: sink.id, kind: sink.kind, tally, isDead, auditor: auditors[sink.kind](context) }
  })
  const onRecords = (produced: number) => onProgress(step('reading the log'), `${produced} records`)
  const produced = await expectAll({ target, pipeline, log, sinks, signal, onRecords })
  for (const { id, auditor } of sinks) {
    onProgress(step(`reading ${id}`))
    await auditor.compare(signal)
  }
  return report(pipeline, produced, dead, sinks)
}

/** One report a pipeline, in order; see `audit`. */
export async function auditPipelines(
  options: Omit<AuditOptions, 'pipeline'> & { readonly pipelines: readonly Pipeline[] },
): Promise<readonly AuditReport[]> {
  const { pipelines, ...common } = options
  const reports: AuditReport[] = []
  for (const pipeline of pipelines) reports.push(await audit({ ...common, pipeline }))
  return reports
}

/** Kept, since it is asked for every row. */
function markerOf({ cluster, topic }: TargetPipeline): (partition: number) => string {
  const marks = new Map<number, string>()
  return (partition) => {
    const known = marks.get(partition) ?? sourceMark({ cluster, topic, partition })
    marks.set(partition, known)
    return known
  }
}

interface ExpectAll {
  readonly target: Target
  readonly pipeline: Pipeline
  readonly log: LogSnapshot
  readonly sinks: readonly AuditedSink[]
  readonly signal: AbortSignal
  readonly onRecords: (produced: number) => void
}

async function expectAll({ target, pipeline, log, sinks, signal, onRecords }: ExpectAll): Promise<number> {
  let produced = 0
  for await (const records of readLog(kafkaOf(target), log, signal)) {
    for (const record of records) {
      const expected = await expectedOf(pipeline, record)
      sinks.forEach(({ auditor, tally, isDead }, i) => {
        auditor.record?.(record)
        if (isDead(record.partition, record.offset)) return
        const each = expected[i]!
        if ('rows' in each) {
          for (const row of each.rows) auditor.expect(row)
          return
        }
        tally.expected()
        tally.fault('missing', positionText(record), `neither a row nor a dead letter: ${each.poison}`)
      })
    }
    produced += records.length
    onRecords(produced)
  }
  return produced
}

const auditors: Readonly<Record<SinkKind, (context: AuditorContext) => SinkAuditor>> = {
  s3: openS3Auditor,
  postgres: openPostgresAuditor,
  dynamodb: openDynamodbAuditor,
  memory: notAuditable('a memory sink lives and dies with its process'),
  custom: notAuditable("what a custom sink's store holds only its own code can read"),
}

function notAuditable(why: string): (context: AuditorContext) => SinkAuditor {
  return ({ sink }) => {
    throw new WeirError('WEIR_DEFINITION_INVALID', {
      what: `Sink "${sink.id}"`,
      reason: `${why}, so it cannot be audited`,
    })
  }
}

function report(
  { name, source }: Pipeline,
  produced: number,
  dead: DeadPositions,
  sinks: readonly AuditedSink[],
): AuditReport {
  const results = sinks.map(({ id, kind, tally }) => [id, tally.result(kind)] as const)
  return {
    pipeline: name,
    topic: source.topic,
    produced,
    deadLetters: dead.count,
    sinks: Object.fromEntries(results),
    ok: results.every(([, sink]) => isSound(sink)),
  }
}

function targetPipelineOf(target: Target, { name }: Pipeline): TargetPipeline {
  const found = target.pipelines.find((each) => each.name === name)
  if (found) return found
  const known = target.pipelines.map((each) => each.name).join(', ') || 'none'
  throw new WeirError('WEIR_UNKNOWN', { what: 'pipeline', name, known })
}
