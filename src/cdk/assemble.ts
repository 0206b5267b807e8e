/** One environment as a cloud assembly on disk, and what it says. The only place that synthesizes. */
import { App } from 'aws-cdk-lib'
import { SynthesisMessageLevel } from 'aws-cdk-lib/cx-api'
import type { CloudFormationStackArtifact } from 'aws-cdk-lib/cx-api'
import { messageOf, WeirError } from '../core/errors.ts'
import { EnvironmentStage, STACKS } from './environment-stage.ts'
import type { EnvironmentStageProps } from './environment-stage.ts'
import { checkTemplates } from './template-checks.ts'
import type { Synthesized, SynthesizedStack, TemplateResource, Warning } from './synthesized.ts'

export interface AssembleOptions extends EnvironmentStageProps {
  readonly outdir: string
}

/** The app with its one stage, before anything is written: for tests, and for whoever adds to it. */
export function environmentApp({ outdir, ...props }: AssembleOptions): {
  readonly app: App
  readonly stage: EnvironmentStage
} {
  const app = new App({
    outdir,
    analyticsReporting: false,
    context: {
      '@aws-cdk/core:defaultCrossStackReferences': 'strong',
      // What the CDK's own rules find is an error too, not a warning that nobody reads.
      '@aws-cdk/core:validateAgainstDefaultRules': true,
    },
  })
  return { app, stage: new EnvironmentStage(app, props.settings.environment, props) }
}

/** Throws WEIR_CDK_REFUSED, WEIR_TEMPLATE_REFUSED. */
export function assemble(options: AssembleOptions): Synthesized {
  const { app, stage } = environmentApp(options)
  checkTemplates(app)
  try {
    app.synth()
  } catch (error) {
    if (error instanceof WeirError) throw error
    throw new WeirError('WEIR_TEMPLATE_REFUSED', { reason: messageOf(error) }, { cause: error })
  }
  const artifacts = inOrder(stage.synth().stacks)
  return {
    settings: options.settings,
    directory: options.outdir,
    stacks: artifacts.map(({ hierarchicalId, stackName, template }): SynthesizedStack => {
      const body = template as { readonly Resources: Readonly<Record<string, TemplateResource>> }
      const name = hierarchicalId.split('/').at(-1)!
      return { name, stackName, resources: body.Resources, template: body }
    }),
    warnings: artifacts.flatMap(({ messages }) =>
      messages.flatMap(({ id, level, entry: { data } }) =>
        level === SynthesisMessageLevel.WARNING && typeof data === 'string' ? [warningOf(id, data)] : [],
      ),
    ),
  }
}

/** As they are deployed: the CDK's own order only keeps what depends behind what it depends on. */
function inOrder(artifacts: readonly CloudFormationStackArtifact[]): CloudFormationStackArtifact[] {
  const place = ({ hierarchicalId }: CloudFormationStackArtifact) => STACKS.indexOf(hierarchicalId.split('/').at(-1)!)
  return [...artifacts].sort((a, b) => place(a) - place(b))
}

/** The CDK writes the id behind the text: ` [ack: Annotation::weirhouse:...]`. */
const ACKNOWLEDGED_BY = / \[ack: (?:Annotation::)?([^\]]+)\]$/

function warningOf(path: string, told: string): Warning {
  return { id: ACKNOWLEDGED_BY.exec(told)?.[1] ?? '', text: told.replace(ACKNOWLEDGED_BY, ''), path }
}
