/** The stacks that exist so far, as the specification asks for them: synthesized once, shared by the tests. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import * as iam from 'aws-cdk-lib/aws-iam'
import { afterAll } from 'vitest'
import demo from '../../pipelines/demo.ts'
import {
  AddressPlan,
  DeadLetters,
  KafkaCluster,
  KafkaTopic,
  LedgerTable,
  Network,
  OperationsFunction,
  OperatorAccess,
  RecordBucket,
  RecordDatabase,
  RecordTables,
  TopicConsumer,
} from '../../src/cdk/index.ts'
import type { OperatorAccessProps } from '../../src/cdk/index.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { acknowledgeFindings } from './acknowledgements.ts'
import type { TemplateBody } from './reachability.ts'

export interface SpecApp {
  readonly app: App
  readonly stacks: Readonly<Record<'network' | 'stream' | 'access' | 'store' | 'process', Stack>>
  readonly network: Network
  readonly cluster: KafkaCluster
  readonly topic: KafkaTopic
  readonly access: OperatorAccess
  /** Roles of a consumer and of a producer, to see grants on. */
  readonly consumer: iam.Role
  readonly producer: iam.Role
  readonly stores: Stores
  readonly operations: OperationsFunction
  readonly demo: TopicConsumer
}

/** Every store there is, as a consumer takes them. */
export interface Stores {
  readonly stores: { readonly s3: RecordBucket; readonly postgres: RecordDatabase; readonly dynamodb: RecordTables }
  readonly ledger: LedgerTable
  readonly deadLetters: DeadLetters
}

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-cdk-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Goes when the tests of the file are done. */
export function testFolder(): string {
  return mkdtempSync(join(folder, 'app-'))
}

/** A folder with something like a bundle. */
export const codeFolder = join(folder, 'code')
mkdirSync(codeFolder)
writeFileSync(join(codeFolder, 'index.mjs'), 'export const handler = async () => undefined\n')

/** And one without. */
export const emptyFolder = join(folder, 'empty')
mkdirSync(emptyFolder)

/** An app whose output goes when the tests of the file are done. */
export function testApp(): App {
  process.env['CDK_VALIDATION'] = 'false' // the templates are validated where that is the subject
  return new App({
    analyticsReporting: false,
    context: { '@aws-cdk/core:defaultCrossStackReferences': 'strong' },
    outdir: testFolder(),
  })
}

/** Makes the app; nothing is looked up, and no account or region is given. */
export function specApp(access: Pick<OperatorAccessProps, 'sshFrom' | 'bastion'> = {}): SpecApp {
  const app = testApp()
  const stacks = {
    network: new Stack(app, 'Network'),
    stream: new Stack(app, 'Stream'),
    access: new Stack(app, 'Access'),
    store: new Stack(app, 'Store'),
    process: new Stack(app, 'Process'),
  }
  const network = new Network(stacks.network, 'Network', { addresses: AddressPlan.spec() })
  const cluster = new KafkaCluster(stacks.stream, 'Kafka', { network })
  const topic = new KafkaTopic(stacks.stream, 'Demo', { cluster, name: 'demo_topic' })
  const operator = new OperatorAccess(stacks.access, 'Access', { network, cluster, ...access })
  const role = (id: string) =>
    new iam.Role(stacks.access, id, { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') })
  const consumer = role('Consumer')
  const producer = role('Producer')
  topic.grantConsume(consumer, { group: 'demo' })
  topic.grantProduce(producer)
  const stores = makeStores(stacks.store, network, [demo])
  const database = stores.stores.postgres
  const operations = new OperationsFunction(stacks.store, 'Operations', { codeFolder, network, database })
  const made = new TopicConsumer(stacks.process, 'Demo', { pipeline: demo, codeFolder, topic, network, ...stores })
  const spec = { app, stacks, network, cluster, topic, access: operator, consumer, producer, stores, operations }
  const { stores: own, deadLetters } = stores
  acknowledgeFindings({ ...spec, bucket: own.s3, database, deadLetters, demo: made })
  return { ...spec, demo: made }
}

export function makeStores(stack: Stack, network: Network, pipelines: readonly Pipeline[]): Stores {
  return {
    stores: {
      s3: new RecordBucket(stack, 'Records'),
      postgres: new RecordDatabase(stack, 'Database', { network }),
      dynamodb: new RecordTables(stack, 'Tables', { pipelines }),
    },
    ledger: new LedgerTable(stack, 'Ledger'),
    deadLetters: new DeadLetters(stack, 'DeadLetters'),
  }
}

/** Templates by stack, of any app. */
export function templatesOf(stacks: Readonly<Record<string, Stack>>): Readonly<Record<string, TemplateBody>> {
  const bodies = Object.values(stacks).map((stack) => [stack.stackName, Template.fromStack(stack).toJSON()] as const)
  return Object.fromEntries(bodies) as Record<string, TemplateBody>
}
