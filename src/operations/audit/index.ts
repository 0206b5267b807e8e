/**
 * The audit: does every store hold what the log asks for, once (docs/delivery.md, D14)? It shares decode and transform with
 * the definition and nothing with the write path: the log is read by its own client, each store by code of its own.
 *
 * What it says of a sink, in rows (docs/operations.md, "Audit"):
 * - expected: asked for by the log, and due by now; of a keyed table the newest row of each key; of a record with a dead
 *   letter none;
 * - missing: asked for, not stored; or a record that became neither rows nor a dead letter;
 * - duplicated: stored again, in another object, under another key, or twice under one;
 * - different: another content, an object under another date, dead-lettered and yet stored;
 * - out of order: an older version where a newer was due, lines or objects out of the log's order, a store ahead of its
 *   watermark or a watermark beyond the log;
 * - foreign: a row, object or item that no record of the log accounts for.
 * No faults are: not yet (above the sink's watermark), beyond retention (the log no longer has the record), outside (not in
 * the audited part, or newer than the audit).
 *
 * Memory is bounded, however long the topic and however many keys: rows become entries of some hundred bytes, which are
 * sorted in runs of 4 MiB and merged from temporary files (sorter.ts); objects are merged with the log as both come
 * (objects.ts). Held are a part of the log (256 KiB, or one larger batch), a run for each sorter, eight objects as digests.
 *
 * Under the order 'log', a key that spans partitions while timestamps run backwards within one can be reported `different`:
 * that is the order's own weakness (docs/delivery.md, Order).
 */
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import type { SinkDefinition } from '../../sinks/sink.ts'
import type { Target, TargetPipeline } from '../target.ts'
import { openAuditedSinks } from './audited-sinks.ts'
import type { AuditedSink } from './audited-sinks.ts'
import { createGapTally, holesIn } from './gaps.ts'
import { createLetterJudge, readLetters } from './letters.ts'
import { endsOf, readWindow, snapshot } from './log.ts'
import type { Bounds, LogSnapshot } from './log.ts'
import { openPayloads } from './payloads.ts'
import { kafkaOf } from '../kafka-target.ts'
import { createReplays } from './replays.ts'
import { walkLog } from './walk.ts'
import type { AuditReport } from './report.ts'
import { isSound } from './report.ts'
import { openScratch } from './sorter.ts'
import type { Scratch } from './sorter.ts'

export type { Bound, Bounds } from './log.ts'
export type { AuditReport, Example, LogGap, SinkAudit, SinkGap } from './report.ts'
export { causeTexts } from './course.ts'
export { DEFAULT_LIMIT, faultWords, gapCauses } from './report.ts'

/** Names the step, and how far it is. */
export type OnProgress = (step: string, detail?: string) => void

export interface AuditOptions extends Bounds {
  readonly target: Target
  readonly pipeline: Pipeline
  /** Only this sink. */
  readonly sink?: string | undefined
  /** Faults and gaps that are told one by one, of each sink. @default 10 */
  readonly limit?: number | undefined
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

/**
 * Audits one pipeline of a target against the log as it is now; records may flow meanwhile. Uses the system's temporary folder.
 * Throws WEIR_UNKNOWN (the target has no such pipeline or sink), WEIR_KAFKA, WEIR_STORE_UNAVAILABLE, WEIR_REQUEST_FAILED,
 * WEIR_MODULE_MISSING, or the signal's reason; a fault in a store is part of the report.
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  const scratch = openScratch()
  try {
    return await auditWith(scratch, options)
  } finally {
    scratch.dispose()
  }
}

async function auditWith(scratch: Scratch, options: AuditOptions): Promise<AuditReport> {
  const { target, pipeline, signal = new AbortController().signal, limit } = options
  const targetPipeline = targetPipelineOf(target, pipeline)
  const onProgress: OnProgress = (step, detail) => options.onProgress?.(`Auditing ${pipeline.name}: ${step}`, detail)
  onProgress('asking how far everything is')
  const connection = kafkaOf(target)
  const log = await snapshot(connection, pipeline.source.topic, options)
  const [letters, lost] = [scratch.sorter(), scratch.sorter()]
  const definitions = sinksOf(pipeline, options.sink)
  const holes = () => holesIn(lost)
  const context = { target, targetPipeline, pipeline, log, scratch, limit, onProgress, holes }
  const sinks = await openAuditedSinks({ ...context, definitions, letters }, signal)
  const payloads = openPayloads(target, signal)
  try {
    await readLetters(target, targetPipeline, letters, signal)
    const replays = createReplays(pipeline.name, targetPipeline.cluster)
    const judge = createLetterJudge(letters, log, limit, (letter) => replays.note(letter))
    const gaps = createGapTally(limit)
    const parts = (window: LogSnapshot['partitions'][number]) => readWindow(connection, log, window, signal)
    const walk = { pipeline, log, sinks, parts, judge, replays, gaps, holes: lost, onProgress }
    const produced = await walkLog({ ...walk, payload: (at) => payloads.get(at) })
    onProgress('reading the stores')
    for (const { auditor } of sinks) await auditor.finish()
    for (const each of sinks) await each.settled()
    const ends = await endsOf(connection, log.topic)
    const results = sinks.map((each) => [each.id, each.result(ends)] as const)
    const { count, audit: found } = judge.finish()
    return reportOf({ pipeline, log, produced, count, letters: found, gaps: gaps.result(), results })
  } finally {
    await payloads.close()
    for (const { auditor } of sinks) await auditor.close()
  }
}

interface Found {
  readonly pipeline: Pipeline
  readonly log: LogSnapshot
  readonly produced: number
  readonly count: number
  readonly letters: AuditReport['letters']
  readonly gaps: AuditReport['gaps']
  readonly results: readonly (readonly [string, ReturnType<AuditedSink['result']>])[]
}

function reportOf({ pipeline, log, produced, count, letters, gaps, results }: Found): AuditReport {
  const sound = letters.unfounded + letters.different + letters.foreign + gaps.unexplained === 0
  return {
    pipeline: pipeline.name,
    topic: log.topic,
    produced,
    partitions: log.partitions.map(({ partition, start, end }) => ({ partition, start, end })),
    deadLetters: count,
    letters,
    gaps,
    sinks: Object.fromEntries(results),
    ok: sound && results.every(([, sink]) => isSound(sink)),
    complete: results.every(([, { notYet }]) => notYet === 0),
  }
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

function sinksOf({ sinks }: Pipeline, id: string | undefined): readonly SinkDefinition[] {
  if (id === undefined) return sinks
  const found = sinks.filter((sink) => sink.id === id)
  if (found.length > 0) return found
  throw new WeirError('WEIR_UNKNOWN', { what: 'sink', name: id, known: sinks.map((sink) => sink.id).join(', ') })
}

function targetPipelineOf(target: Target, { name }: Pipeline): TargetPipeline {
  const found = target.pipelines.find((each) => each.name === name)
  if (found) return found
  const known = target.pipelines.map((each) => each.name).join(', ') || 'none'
  throw new WeirError('WEIR_UNKNOWN', { what: 'pipeline', name, known })
}
