/** Builds the stacks of an environment and reads them back as data. */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { SynthesisMessageLevel } from 'aws-cdk-lib/cx-api'
import { environmentOf } from '../config/load.ts'
import type { Project } from '../config/load.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { KafkaTopic } from './kafka-topic.ts'
import { Network } from './network.ts'
import { OperatorAccess } from './operator-access.ts'
import type { Settings } from './settings.ts'
import { settingsOf } from './settings.ts'
import type { Synthesized, SynthesizedStack, TemplateResource, Warning } from './synthesized.ts'

export interface SynthesizeOptions {
  readonly project: Project
  readonly environment: string
  /** Where the cloud assembly goes; a new folder of temporary files where not given. */
  readonly outdir?: string
  readonly progress: (step: string | null, detail?: string) => void
  readonly signal: AbortSignal
}

/** Throws WEIR_UNKNOWN, WEIR_CDK_REFUSED. */
export async function synthesize({
  project,
  environment,
  outdir = mkdtempSync(join(tmpdir(), 'weirhouse-assembly-')),
  progress,
  signal,
}: SynthesizeOptions): Promise<Synthesized> {
  progress('Synthesizing the stacks')
  const settings = settingsOf(environment, environmentOf(project, environment))
  const app = new App({
    outdir,
    analyticsReporting: false,
    context: { '@aws-cdk/core:defaultCrossStackReferences': 'strong' },
  })
  build(app, settings, project)
  signal.throwIfAborted()
  const { stacks } = app.synth()
  return {
    settings,
    directory: outdir,
    stacks: stacks.map(({ displayName, stackName, templateFullPath }): SynthesizedStack => {
      const template = JSON.parse(readFileSync(templateFullPath, 'utf8')) as {
        Resources?: Readonly<Record<string, TemplateResource>>
      }
      return { name: displayName.replace(/ .*$/, ''), stackName, resources: template.Resources ?? {} }
    }),
    warnings: stacks.flatMap(({ messages }) =>
      messages.flatMap(({ id, level, entry: { data } }) =>
        level === SynthesisMessageLevel.WARNING && typeof data === 'string' ? [warningOf(id, data)] : [],
      ),
    ),
  }
}

function build(app: App, settings: Settings, { pipelines }: Project): void {
  const stackOf = (name: string) => new Stack(app, name, { stackName: `${settings.prefix}-${name.toLowerCase()}` })
  const removalPolicy = settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
  const { addresses, natGateways, flowLogs } = settings.network
  const network = new Network(stackOf('Network'), 'Network', { addresses, natGateways, flowLogs })
  const stream = stackOf('Stream')
  const { name, version, size, brokersPerZone, replication, minInsyncReplicas } = settings.kafka
  const cluster = new KafkaCluster(stream, 'Kafka', {
    network,
    name,
    version,
    size,
    brokersPerZone,
    removalPolicy,
    ...(replication === undefined ? {} : { replication }),
    ...(minInsyncReplicas === undefined ? {} : { minInsyncReplicas }),
  })
  for (const { pipeline } of pipelines)
    new KafkaTopic(stream, `Topic-${pipeline.name}`, {
      cluster,
      name: pipeline.source.topic,
      partitions: pipeline.source.partitions,
      replication: pipeline.source.replication,
      removalPolicy,
    })
  const { hosts, sshFrom } = settings.access
  if (hosts === 'bastion')
    new OperatorAccess(stackOf('Access'), 'Access', { network, cluster, ...(sshFrom ? { sshFrom } : {}) })
}

/** The message ends in `[ack: Annotation::<id>]`. */
function warningOf(path: string, message: string): Warning {
  const [, text = message, id = ''] = /^([\s\S]*) \[ack: (?:Annotation::)?([^\]]+)\]$/.exec(message) ?? []
  return { id, text, path }
}
