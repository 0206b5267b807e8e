import { loadPipeline } from '../../config/load.ts'
import type { AuditReport } from '../../operations/audit/index.ts'
import { audit } from '../../operations/audit/index.ts'
import { defineCommand } from '../command.ts'
import { text } from '../options.ts'
import { table } from '../table.ts'
import { openTarget, pipelinesOf } from '../target.ts'

export const command = defineCommand({
  summary: 'Compare every store with the log, record by record',
  details:
    'Reads the topic from its start to where it ends now, decodes and transforms it with the definition, reads every store with code that the sinks do not use, and compares. Counts are rows: expected (asked for by the log; of a keyed table the newest of each key), missing (expected, not stored), duplicated (stored again), different (another content, an older version, or of no record of the log). Ends with 1 where there is any.',
  example: ['weirhouse audit', 'weirhouse audit --pipeline demo --json'],
  options: { pipeline: text('name', 'only this pipeline') },
  async run({ pipeline: name }, io) {
    const target = await openTarget(io)
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
