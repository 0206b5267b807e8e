import { loadProject } from '../../config/load.ts'
import type { Project } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import { startStack } from '../../local/stack.ts'
import type { Stack } from '../../local/stack.ts'
import type { Target } from '../../operations/target.ts'
import { auditPipelines } from '../../operations/audit/index.ts'
import type { AuditReport } from '../../operations/audit/index.ts'
import { sendSamples, waitUntilProcessed } from '../../operations/samples.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag } from '../options.ts'
import { table } from '../table.ts'
import { findTarget } from '../target.ts'
import { describeTarget } from './status.ts'
import { hints, stackOptions, untilStopped } from './up.ts'

const MAX_STACKS = 50

export const command = defineCommand({
  summary: 'Start the local stack, send the samples, wait until they are processed, audit, and stay up',
  details:
    'With --once it stops after the audit and exits 0 where every store agrees with the log, else 1. A second one beside the first gets a stack name of its own.',
  example: ['weirhouse start', 'weirhouse start --once --json'],
  options: { once: flag('stop after the audit'), ...stackOptions },
  async run({ once, dataDir, portBase }, io) {
    const began = performance.now()
    const project = await loadProject(io.project)
    const stack = await startFree(io, (name) =>
      startStack({ project, name, dataDir, portBase, progress: io.progress, signal: io.signal, note: io.note }),
    )
    try {
      const reports = await runOnce(project, stack.target, io)
      const result = summary(reports, (performance.now() - began) / 1000)
      io.progress(null)
      await io.answer(result, () => `${tableOf(reports)}\n${verdict(result)}`)
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

async function runOnce(project: Project, target: Target, io: Io): Promise<readonly AuditReport[]> {
  for (const { pipeline, samples } of project.pipelines) {
    if (samples === undefined) continue
    io.progress(`sending samples to ${pipeline.source.topic}`)
    await sendSamples(target, pipeline, samples)
  }
  await waitUntilProcessed({ target, signal: io.signal, onProgress: io.progress })
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
      Record<string, Readonly<Record<'stored' | 'missing' | 'duplicated' | 'different', number>>>
    >
  }[]
  readonly seconds: number
}

/** What --json prints: sinks by kind. */
function summary(reports: readonly AuditReport[], seconds: number): Summary {
  return {
    ok: reports.every((report) => report.ok),
    pipelines: reports.map(({ pipeline, topic, produced, deadLetters, sinks }) => ({
      name: pipeline,
      topic,
      produced,
      deadLetters,
      sinks: Object.fromEntries(
        Object.values(sinks).map(({ kind, stored, missing, duplicated, different }) => [
          kind,
          { stored, missing, duplicated, different },
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
      sink.stored,
      sink.missing,
      sink.duplicated,
      sink.different,
      deadLetters,
    ]),
  )
  return table(
    ['pipeline', 'topic', 'produced', 'store', 'stored', 'missing', 'duplicated', 'different', 'dead letters'],
    rows,
  )
}

function verdict({ ok, seconds }: Summary): string {
  return ok
    ? `Every record is in every store once. ${seconds} s from nothing to audited.`
    : `The stores do not agree with the log: see \`weirhouse audit\`. ${seconds} s.`
}

/** Under `--stack`, or the first of `name-2`, `name-3` ... that is not up, so that two starts stand side by side. */
async function startFree(io: Io, start: (name: string) => Promise<Stack>): Promise<Stack> {
  for (let n = 1; ; n++) {
    const stack = n === 1 ? io.stack : `${io.stack}-${n}`
    if (n < MAX_STACKS && (await findTarget({ stack, project: io.project }))) continue
    try {
      const started = await start(stack)
      if (n > 1) io.note(`Stack "${io.stack}" is up already; this one is "${stack}": give the verbs --stack ${stack}.`)
      return started
    } catch (error) {
      // Another one that starts right now has taken the name.
      if (n === MAX_STACKS || !(error instanceof WeirError && error.code === 'WEIR_ALREADY_UP')) throw error
    }
  }
}
