import { loadPipeline } from '../../config/load.ts'
import { reachKafka } from '../../kafka/reach.ts'
import type { AuditReport } from '../../operations/audit/index.ts'
import { audit } from '../../operations/audit/index.ts'
import { kafkaOf } from '../../operations/kafka-target.ts'
import type { Target } from '../../operations/target.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { kafkaOptions, ownKafka, type KafkaInput } from '../kafka.ts'
import { text } from '../options.ts'
import { table } from '../table.ts'
import { openTarget, pipelinesOf } from '../target.ts'

export const command = defineCommand({
  summary: 'Compare every store with the log, record by record',
  details:
    'Reads the topic from its start to where it ends now, decodes and transforms it with the definition, reads every store with code that the sinks do not use, and compares. Counts are rows: expected (asked for by the log; of a keyed table the newest of each key), missing (expected, not stored), duplicated (stored again), different (another content, an older version, or of no record of the log). Ends with 1 where there is any. With --bootstrap-server the log is read there, and the stores are those of the stack.',
  example: ['weirhouse audit', 'weirhouse audit --pipeline demo --json'],
  options: { pipeline: text('name', 'only this pipeline'), ...kafkaOptions },
  async run({ pipeline: name, ...kafka }, io) {
    const target = await openTargetOn(kafka, io)
    const began = performance.now()
    const pipelines: AuditReport[] = []
    for (const { module } of pipelinesOf(target, name)) {
      const pipeline = await loadPipeline(module)
      pipelines.push(await audit({ target, pipeline, onProgress: io.progress, signal: io.signal }))
    }
    const seconds = Number(((performance.now() - began) / 1000).toFixed(1))
    const ok = pipelines.every((report) => report.ok)
    await io.answer({ ok, pipelines, seconds }, () => [auditTable(pipelines), ...faultLines(pipelines)].join('\n'))
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

/** One line a sink. */
export function auditTable(reports: readonly AuditReport[]): string {
  const rows = reports.flatMap(({ pipeline, produced, deadLetters, sinks }) =>
    Object.entries(sinks).map(([id, { kind, expected, stored, missing, duplicated, different }]) => [
      pipeline,
      produced,
      deadLetters,
      `${id} (${kind})`,
      expected,
      stored,
      missing,
      duplicated,
      different,
    ]),
  )
  return table(
    ['pipeline', 'produced', 'dead letters', 'sink', 'expected', 'stored', 'missing', 'duplicated', 'different'],
    rows,
  )
}

function faultLines(reports: readonly AuditReport[]): string[] {
  return reports.flatMap(({ pipeline, sinks }) =>
    Object.entries(sinks).flatMap(([id, { examples }]) =>
      examples.map(({ position, fault }) => `${pipeline} ${id} ${position}: ${fault}`),
    ),
  )
}
