import { loadProject } from '../../config/load.ts'
import type { Project } from '../../config/load.ts'
import { startStack } from '../../local/stack.ts'
import type { Target } from '../../operations/target.ts'
import { auditPipelines } from '../../operations/audit/index.ts'
import type { AuditReport } from '../../operations/audit/index.ts'
import { listDeadLetters } from '../../operations/dead-letters.ts'
import { sendSamples, waitUntilProcessed } from '../../operations/samples.ts'
import { defineCommand } from '../command.ts'
import { startFree } from '../free-stack.ts'
import type { Io } from '../io.ts'
import { flag } from '../options.ts'
import { table } from '../table.ts'
import { shortened } from './dlq.ts'
import { describeTarget } from './status.ts'
import { hints, noteDebuggers, stackOptions, untilStopped } from './up.ts'

/** What is read at a glance. */
const MAX_LETTERS = 10

export const command = defineCommand({
  summary: 'Start the local stack, send the samples, wait until they are processed, audit, and stay up',
  details:
    'With --once it stops after the audit and exits 0 where every store agrees with the log, else 1. A second one beside the first gets a stack name of its own.',
  example: ['weirhouse start', 'weirhouse start --once --json'],
  options: { once: flag('stop after the audit'), ...stackOptions },
  async run({ once, dataDir, portBase, inspect }, io) {
    const began = performance.now()
    const project = await loadProject(io.project)
    const stack = await startFree(io, (name) =>
      startStack({
        project,
        name,
        dataDir,
        portBase,
        inspect,
        progress: io.progress,
        signal: io.signal,
        note: io.note,
      }),
    )
    try {
      await noteDebuggers(stack.target, io)
      const reports = await runOnce(project, stack.target, io, inspect !== undefined)
      const result = summary(reports, (performance.now() - began) / 1000)
      io.progress(null)
      const letters = io.json ? '' : await lettersOf(stack.target, reports, io.signal)
      await io.answer(result, () => `${tableOf(reports)}\n${verdict(result)}${letters}`)
      if (once) return result.ok ? 0 : 1
      if (!io.json)
        await io.print(`\n${describeTarget(stack.target)}\n${hints(stack.target)}\nCtrl-C stops everything.`)
      await untilStopped(io)
      return 0
    } finally {
      io.progress('stopping functions and servers')
      await stack.stop()
    }
  },
})

async function runOnce(project: Project, target: Target, io: Io, debugged: boolean): Promise<readonly AuditReport[]> {
  for (const { pipeline, samples } of project.pipelines) {
    if (samples === undefined) continue
    io.progress(`sending samples to ${pipeline.source.topic}`)
    await sendSamples(target, pipeline, samples)
  }
  await waitUntilProcessed({ target, signal: io.signal, onProgress: io.progress, patient: debugged })
  io.progress('auditing')
  return auditPipelines({
    target,
    pipelines: project.pipelines.map((each) => each.pipeline),
    onProgress: io.progress,
    signal: io.signal,
  })
}

interface Summary {
  readonly ok: boolean
  readonly pipelines: readonly {
    readonly name: string
    readonly topic: string
    readonly produced: number
    readonly deadLetters: number
    readonly sinks: Readonly<
      Record<string, Readonly<Record<'expected' | 'stored' | 'missing' | 'duplicated' | 'different', number>>>
    >
  }[]
  readonly seconds: number
}

/** What --json prints: sinks by kind. */
function summary(reports: readonly AuditReport[], seconds: number): Summary {
  return {
    // everything was waited for: what has not been delivered by now is lost
    ok: reports.every((report) => report.ok && report.complete),
    pipelines: reports.map(({ pipeline, topic, produced, deadLetters, sinks }) => ({
      name: pipeline,
      topic,
      produced,
      deadLetters,
      sinks: Object.fromEntries(
        Object.values(sinks).map(({ kind, expected, stored, missing, duplicated, different }) => [
          kind,
          { expected, stored, missing, duplicated, different },
        ]),
      ),
    })),
    seconds: Math.round(seconds * 10) / 10,
  }
}

function tableOf(reports: readonly AuditReport[]): string {
  const rows = reports.flatMap(({ pipeline, topic, produced, deadLetters, sinks }) =>
    Object.values(sinks).map((sink) => [
      pipeline,
      topic,
      produced,
      sink.kind,
      sink.expected,
      sink.stored,
      sink.missing,
      sink.duplicated,
      sink.different,
      deadLetters,
    ]),
  )
  return table(
    [
      'pipeline',
      'topic',
      'produced',
      'store',
      'expected',
      'stored',
      'missing',
      'duplicated',
      'different',
      'dead letters',
    ],
    rows,
  )
}

function verdict({ ok, pipelines, seconds }: Summary): string {
  const or = pipelines.some(({ deadLetters }) => deadLetters > 0) ? ', or is a dead letter' : ''
  return ok
    ? `Every record took effect once in every store${or}. ${seconds} s from nothing to audited.`
    : `The stores do not agree with the log: see \`weirhouse audit\`. ${seconds} s.`
}

/** Why records are dead letters, the first few of them; nothing where there is none. */
async function lettersOf(target: Target, reports: readonly AuditReport[], signal: AbortSignal): Promise<string> {
  const pipelines = reports.filter(({ deadLetters }) => deadLetters > 0).map(({ pipeline }) => pipeline)
  if (pipelines.length === 0) return ''
  const { letters, more } = await listDeadLetters(target, { pipelines, limit: MAX_LETTERS }, signal)
  const rows = letters.map(({ pipeline, topic, partition, offset, sink, code, text }) => [
    pipeline,
    `${topic}/${partition}@${offset}`,
    sink,
    code,
    shortened(text),
  ])
  const rest = more ? '\nThere are more: `weirhouse dlq list`.' : ''
  return `\n\n${table(['pipeline', 'dead letter', 'sink', 'code', 'reason'], rows)}${rest}`
}
