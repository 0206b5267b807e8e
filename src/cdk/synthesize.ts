/**
 * An environment of a project as a cloud assembly: pipelines bundled, constructs put together, templates checked. Needs no
 * credentials and no network. The door for the command line: aws-cdk-lib loads here and not before.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleOperations, bundlePipeline } from '../bundle/index.ts'
import { environmentOf } from '../config/load.ts'
import type { Project } from '../config/load.ts'
import { optionalModule } from '../config/optional-module.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { settingsOf } from './settings.ts'
import type { Synthesized } from './synthesized.ts'

export interface SynthesizeOptions {
  readonly project: Project
  /** Its name. */
  readonly environment: string
  /** Emptied, then written. */
  readonly outdir: string
  readonly progress: (step: string | null) => void
  readonly signal: AbortSignal
}

/**
 * Throws WEIR_UNKNOWN, WEIR_CDK_REFUSED for what no service takes, WEIR_TEMPLATE_REFUSED for what a rule finds, WEIR_BUNDLE,
 * WEIR_MODULE_MISSING without the CDK.
 */
export async function synthesize({
  project,
  environment,
  outdir,
  progress,
  signal,
}: SynthesizeOptions): Promise<Synthesized> {
  const settings = settingsOf(environment, environmentOf(project, environment))
  const work = mkdtempSync(join(tmpdir(), 'weirhouse-synth-'))
  try {
    progress('bundling functions')
    const pipelines: { readonly pipeline: Pipeline; readonly codeFolder: string }[] = []
    for (const { pipeline, module } of project.pipelines) {
      const outFolder = join(work, pipeline.name)
      await bundlePipeline({ modulePath: module, outFolder, pipelineName: pipeline.name })
      pipelines.push({ pipeline, codeFolder: outFolder })
    }
    const operationsFolder = join(work, '.operations')
    await bundleOperations({ modulePaths: project.pipelines.map(({ module }) => module), outFolder: operationsFolder })
    progress('writing templates')
    rmSync(outdir, { recursive: true, force: true })
    mkdirSync(outdir, { recursive: true })
    signal.throwIfAborted()
    const { assemble } = await optionalModule('constructs', 'the AWS side', () =>
      optionalModule('aws-cdk-lib', 'the AWS side', () => import('./assemble.ts')),
    )
    return assemble({ settings, pipelines, operationsFolder, outdir })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
