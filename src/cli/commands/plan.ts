import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentOf, loadProject } from '../../config/load.ts'
import type { Project } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import type { Circumstances } from '../../operations/guarantee.ts'
import { planOf } from '../../operations/plan.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { text } from '../options.ts'
import type { EnvironmentPlan } from '../plan/environment.ts'
import { spaced } from '../plan/layout.ts'
import { pipelineText } from '../plan/pipeline-text.ts'

/** Without an environment nothing gives records up: the local mapping does not, nor does an environment that says nothing of it. */
const LOCAL: Circumstances = { polling: { mode: 'onDemand' } }

export const command = defineCommand({
  summary: 'Show what the pipelines guarantee and need; with --env, what they come to on AWS and what that costs',
  details:
    'Changes nothing and asks no server: neither here nor on AWS. With --json all of it, with the whole DDL and every assumption.',
  example: [
    'weirhouse plan',
    'weirhouse plan --env minimal',
    "weirhouse plan --json | jq -r '.pipelines[].sinks[].store.ddl // empty | .[]'",
  ],
  options: {
    env: text('name', 'an environment of weirhouse.config.ts'),
    pipeline: text('name', 'this pipeline alone; the environment is shown whole'),
  },
  async run({ env, pipeline }, io) {
    const project = await loadProject(io.project)
    const asked = pipelinesOf(project, pipeline)
    const aws = env === undefined ? undefined : await onAws(project, env, asked, io)
    const pipelines = asked.map((each) => planOf(each, aws?.circumstances ?? LOCAL))
    io.progress(null)
    await io.answer({ pipelines, environment: aws?.plan ?? null }, () =>
      spaced(...pipelines.map(pipelineText), aws?.text ?? hint(project)),
    )
  },
})

function hint({ environments }: Project): string {
  const [first, ...others] = Object.keys(environments)
  if (first === undefined) return ''
  return `What it comes to on AWS: weirhouse plan --env ${[first, ...others].join(', or ')}`
}

function pipelinesOf({ pipelines }: Project, name: string | undefined): Pipeline[] {
  const all = pipelines.map((each) => each.pipeline)
  const found = all.filter((each) => name === undefined || each.name === name)
  if (found.length > 0) return found
  const known = all.map((each) => each.name).join(', ')
  throw new WeirError('WEIR_UNKNOWN', { what: 'pipeline', name: name ?? '', known })
}

interface OnAws {
  readonly circumstances: Circumstances
  readonly plan: EnvironmentPlan
  readonly text: string
}

/** Everything of AWS is loaded here, and only once the environment is known to be one. */
async function onAws(project: Project, name: string, asked: readonly Pipeline[], io: Io): Promise<OnAws> {
  environmentOf(project, name)
  io.progress('Synthesizing the stacks')
  const { synthesize } = await import('../../cdk/synthesize.ts')
  const { circumstancesOf, environmentPlan } = await import('../plan/environment.ts')
  const { environmentText } = await import('../plan/environment-text.ts')
  const outdir = await mkdtemp(join(tmpdir(), 'weirhouse-plan-'))
  try {
    const { progress, signal } = io
    const synthesized = await synthesize({ project, environment: name, outdir, progress, signal })
    const all = project.pipelines.map((each) => each.pipeline)
    const plan = environmentPlan(synthesized, all, asked)
    return { circumstances: circumstancesOf(synthesized.settings), plan, text: environmentText(plan) }
  } finally {
    await rm(outdir, { recursive: true, force: true })
  }
}
