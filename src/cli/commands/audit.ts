import { loadPipeline } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import { reachKafka } from '../../kafka/reach.ts'
import type { AuditReport } from '../../operations/audit/index.ts'
import { audit, DEFAULT_LIMIT } from '../../operations/audit/index.ts'
import { kafkaOf } from '../../operations/kafka-target.ts'
import type { Target } from '../../operations/target.ts'
import { auditText } from '../audit-text.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { kafkaOptions, ownKafka, type KafkaInput } from '../kafka.ts'
import { offsetOrMoment, text, whole, withDefault } from '../options.ts'
import { openTarget, pipelinesOf } from '../target.ts'

const MAX_LISTED = 10_000

export const command = defineCommand({
  summary: 'Compare every store with the log, record by record',
  details:
    'Reads the topic from its start to where it ends now, decodes and transforms it with the definition, reads every store with code that the sinks do not use, and compares. Records may flow meanwhile: what a sink has not reached yet is told apart. Memory is bounded; what has to be sorted goes to the temporary folder, some hundred bytes a row. docs/operations.md, "Audit", says what each word means and what to do. Ends with 0 where there is no fault, 1 where there is one, 3 where it could not tell, as with a store that does not answer. With --bootstrap-server the log is read there, and the stores are those of the stack.',
  example: [
    'weirhouse audit',
    'weirhouse audit --pipeline demo --json',
    'weirhouse audit --sink sql --from 1h --limit 100',
  ],
  failed: 3,
  options: {
    pipeline: text('name', 'only this pipeline'),
    sink: text('id', 'only this sink'),
    from: offsetOrMoment(
      'offset|time',
      'only records from this offset on (of every partition), or from this time on: 2026-01-31T12:00:00Z, 10m',
    ),
    to: offsetOrMoment('offset|time', 'only records below this offset, or before this time'),
    limit: withDefault(whole('n', 'faults to list, of each sink', 0, MAX_LISTED), DEFAULT_LIMIT),
    ...kafkaOptions,
  },
  async run({ pipeline: name, sink, from, to, limit, ...kafka }, io) {
    const target = await openTargetOn(kafka, io)
    const began = performance.now()
    const pipelines: AuditReport[] = []
    for (const { module } of pipelinesOf(target, name)) {
      const pipeline = await loadPipeline(module)
      if (sink !== undefined && name === undefined && pipeline.sinks.every(({ id }) => id !== sink)) continue
      pipelines.push(
        await audit({ target, pipeline, sink, from, to, limit, onProgress: io.progress, signal: io.signal }),
      )
    }
    if (pipelines.length === 0)
      throw new WeirError('WEIR_UNKNOWN', { what: 'sink', name: sink, known: 'none of that id' })
    const seconds = Number(((performance.now() - began) / 1000).toFixed(1))
    const ok = pipelines.every((report) => report.ok)
    const complete = pipelines.every((report) => report.complete)
    await io.answer({ ok, complete, pipelines, seconds }, () => auditText(pipelines))
    return ok ? 0 : 1
  },
})

/** The stores are the stack's; the log is, too, unless the line names other brokers. */
async function openTargetOn(kafka: KafkaInput, io: Io): Promise<Target> {
  const target = await openTarget(io)
  const own = await ownKafka(kafka, io)
  if (own) return { ...target, kafka: own.target }
  if (target.kafka.external) await reachKafka(kafkaOf(target))
  return target
}
