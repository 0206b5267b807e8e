/** An environment as a deployment would have it: the presets themselves, with the demo pipeline, findings acknowledged. */
import type { App } from 'aws-cdk-lib'
import * as v from 'valibot'
import demo from '../../pipelines/demo.ts'
import { environmentApp } from '../../src/cdk/assemble.ts'
import type { EnvironmentStage } from '../../src/cdk/index.ts'
import { settingsOf } from '../../src/cdk/settings.ts'
import type { Settings } from '../../src/cdk/settings.ts'
import { environmentOptions } from '../../src/config/environments.ts'
import type { EnvironmentInput } from '../../src/config/environments.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { acknowledgeFindings, acknowledgeSettings } from './acknowledgements.ts'
import type { TemplateBody } from './reachability.ts'
import { codeFolder, testFolder } from './spec-app.ts'

export interface EnvironmentUnderTest {
  readonly app: App
  readonly stage: EnvironmentStage
  readonly settings: Settings
  /** By our name of the stack: Network, Stream and so on. Synthesizes. */
  templates(): Readonly<Record<string, TemplateBody>>
}

export function environment(
  given: EnvironmentInput,
  pipelines: readonly Pipeline[] = [demo],
  name: string = given.preset,
): EnvironmentUnderTest {
  process.env['CDK_VALIDATION'] = 'false' // the templates are validated where that is the subject
  const settings = settingsOf(name, v.parse(environmentOptions, given))
  const codes = pipelines.map((pipeline) => ({ pipeline, codeFolder }))
  const outdir = testFolder()
  const { app, stage } = environmentApp({ settings, pipelines: codes, operationsFolder: codeFolder, outdir })
  const { access, stores, operations, consumers } = stage
  const { bucket, database, deadLetters } = stores
  const found = consumers.find(({ pipeline }) => pipeline === demo)
  if (found && bucket && database && operations)
    acknowledgeFindings(
      { access, bucket, database, deadLetters, operations, demo: found },
      (stack) => `${settings.prefix}-${stack.toLowerCase()}`,
    )
  acknowledgeSettings(stage, settings)
  const templates = () =>
    Object.fromEntries(
      stage.synth().stacks.map((each) => [each.hierarchicalId.split('/').at(-1)!, each.template as TemplateBody]),
    )
  return { app, stage, settings, templates }
}
