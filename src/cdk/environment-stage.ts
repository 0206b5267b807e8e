import { CfnOutput, RemovalPolicy, Stack, Stage } from 'aws-cdk-lib'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { DeadLetters } from './dead-letters.ts'
import { KafkaCluster } from './kafka-cluster.ts'
import { KafkaTopic } from './kafka-topic.ts'
import { LedgerTable } from './ledger-table.ts'
import { Network } from './network.ts'
import type { Observable } from './observable.ts'
import { Observation } from './observation.ts'
import { OperationsFunction } from './operations-function.ts'
import { OperatorAccess } from './operator-access.ts'
import { RecordBucket } from './record-bucket.ts'
import { RecordDatabase } from './record-database.ts'
import { RecordTables } from './record-tables.ts'
import { refuse } from './refuse.ts'
import type { Settings } from './settings.ts'
import type { SinkKind } from '../sinks/sink.ts'
import type { SinkStore } from './sink-store.ts'
import { TopicConsumer } from './topic-consumer.ts'
import { wordOf } from './word.ts'

/** A pipeline with the folder that holds its bundle. */
export interface PipelineCode {
  readonly pipeline: Pipeline
  readonly codeFolder: string
}

export interface EnvironmentStageProps {
  readonly settings: Settings
  readonly pipelines: readonly PipelineCode[]
  /** The bundle of the operations function, which `migrate` runs in; needed where a pipeline has a PostgreSQL sink. */
  readonly operationsFolder: string
}

interface Stores {
  readonly bucket: RecordBucket | undefined
  readonly database: RecordDatabase | undefined
  readonly tables: RecordTables | undefined
  readonly ledger: LedgerTable
  readonly deadLetters: DeadLetters
}

/** In the order of deployment. */
export const STACKS: readonly string[] = ['Network', 'Stream', 'Store', 'Access', 'Process', 'Observe']

/**
 * Everything that one environment is, as stacks that change at their own pace and refer one way alone: Network; Stream, which
 * is slow; Store, which holds the records; Access; Process, which is quick; Observe.
 */
export class EnvironmentStage extends Stage {
  readonly settings: Settings
  readonly network: Network
  readonly cluster: KafkaCluster
  readonly topics: ReadonlyMap<string, KafkaTopic>
  readonly access: OperatorAccess | undefined
  readonly stores: Stores
  readonly operations: OperationsFunction | undefined
  readonly consumers: readonly TopicConsumer[]
  readonly observation: Observation | undefined

  constructor(scope: Construct, id: string, { settings, pipelines, operationsFolder }: EnvironmentStageProps) {
    super(scope, id)
    this.settings = settings
    const definitions = pipelines.map(({ pipeline }) => pipeline)
    this.network = new Network(this.#stack('Network'), 'Network', settings.network)
    const stream = this.#stack('Stream')
    this.cluster = new KafkaCluster(stream, 'Kafka', {
      network: this.network,
      ...defined(settings.kafka),
      logRetention: this.#retention(),
      removalPolicy: this.#removal(),
    })
    this.topics = this.#topics(stream, definitions)
    const store = this.#stack('Store')
    this.stores = this.#stores(store, definitions)
    this.operations = this.#operations(store, operationsFolder)
    this.access = settings.access.hosts === 'none' ? undefined : this.#access(settings.access)
    const process = this.#stack('Process')
    this.consumers = pipelines.map((each) => this.#consumer(process, each))
    this.observation = this.#observation()
    this.#outputs(stream, store, process)
  }

  #stack(name: string): Stack {
    const { prefix, account, region } = this.settings
    return new Stack(this, name, {
      stackName: `${prefix}-${name.toLowerCase()}`,
      description: `Weirhouse, environment ${this.settings.environment}: ${name}`,
      env: defined({ account, region }),
      terminationProtection: false,
    })
  }

  #removal(): RemovalPolicy {
    return this.settings.keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
  }

  /** The enumeration holds CloudWatch's own list of periods, in days. */
  #retention(): RetentionDays {
    const days: number = this.settings.observe.logDays
    return Object.values(RetentionDays).find((each): each is RetentionDays => Number(each) === days)!
  }

  #topics(stack: Stack, pipelines: readonly Pipeline[]): Map<string, KafkaTopic> {
    const sizes = new Map<string, string>()
    const topics = new Map<string, KafkaTopic>()
    for (const { name, source } of pipelines) {
      const { topic, partitions, replication } = source
      const size = `${partitions} partitions, replication ${replication}`
      if ((sizes.get(topic) ?? size) !== size)
        refuse({
          what: `source of pipeline "${name}"`,
          got: size,
          why: `another pipeline reads topic "${topic}" with ${sizes.get(topic)}`,
          instead: 'say the same in both',
        })
      if (topics.has(topic)) continue
      sizes.set(topic, size)
      const props = { cluster: this.cluster, name: topic, partitions, replication, removalPolicy: this.#removal() }
      topics.set(topic, new KafkaTopic(stack, `Topic${wordOf(topic)}`, props))
    }
    return topics
  }

  #access({ hosts, sshFrom }: Settings['access']): OperatorAccess {
    const { network, cluster } = this
    return new OperatorAccess(this.#stack('Access'), 'Access', {
      network,
      cluster,
      bastion: hosts === 'bastion',
      ...defined({ sshFrom, database: this.stores.database }),
    })
  }

  #stores(stack: Stack, pipelines: readonly Pipeline[]): Stores {
    const { keepData, database } = this.settings
    const has = (kind: SinkKind) => pipelines.some(({ sinks }) => sinks.some((sink) => sink.kind === kind))
    return {
      bucket: has('s3') ? new RecordBucket(stack, 'Records', { keepData }) : undefined,
      database: has('postgres')
        ? new RecordDatabase(stack, 'Database', {
            network: this.network,
            ...database,
            keepData,
            logRetention: this.#retention(),
          })
        : undefined,
      tables: has('dynamodb') ? new RecordTables(stack, 'Tables', { pipelines, keepData }) : undefined,
      ledger: new LedgerTable(stack, 'Ledger', { keepData }),
      deadLetters: new DeadLetters(stack, 'DeadLetters', { keepData }),
    }
  }

  #operations(stack: Stack, codeFolder: string): OperationsFunction | undefined {
    const { database } = this.stores
    if (!database) return undefined
    const logRetention = this.#retention()
    return new OperationsFunction(stack, 'Operations', { network: this.network, database, codeFolder, logRetention })
  }

  #consumer(stack: Stack, { pipeline, codeFolder }: PipelineCode): TopicConsumer {
    const { bucket, database, tables, ledger, deadLetters } = this.stores
    const { poller, prefix } = this.settings
    const stores: Partial<Record<SinkKind, SinkStore>> = defined({ s3: bucket, postgres: database, dynamodb: tables })
    return new TopicConsumer(stack, wordOf(pipeline.name), {
      pipeline,
      codeFolder,
      topic: this.topics.get(pipeline.source.topic)!,
      stores,
      ledger,
      deadLetters,
      network: this.network,
      poller,
      consumerGroup: `${prefix}-${pipeline.name}`,
      metricsNamespace: `Weirhouse/${this.settings.environment}`,
      logRetention: this.#retention(),
    })
  }

  #observation(): Observation | undefined {
    const { alarms, dashboard, email } = this.settings.observe
    if (!alarms && !dashboard) return undefined
    const { network, cluster, access, stores, consumers } = this
    const { bucket, database, tables, ledger, deadLetters } = stores
    const parts: Record<string, Observable | undefined> = {
      Network: network,
      Kafka: cluster,
      Access: access,
      Records: bucket,
      Database: database,
      Tables: tables,
      Ledger: ledger,
      DeadLetters: deadLetters,
    }
    for (const consumer of consumers) parts[`Pipeline${wordOf(consumer.pipeline.name)}`] = consumer
    const watched = Object.entries(defined(parts)).map(([name, observable]) => ({ name, observable }))
    return new Observation(this.#stack('Observe'), 'Observation', {
      name: this.settings.prefix,
      watched,
      alarms,
      dashboard,
      ...(email === undefined ? {} : { email }),
    })
  }

  /** What `weirhouse outputs` shows and other verbs look up: names that do not change. */
  #outputs(stream: Stack, store: Stack, process: Stack): void {
    const { bucket, database, tables, ledger, deadLetters } = this.stores
    output(stream, 'ClusterArn', this.cluster.arn)
    output(store, 'RecordsBucket', bucket?.bucket.bucketName)
    output(store, 'DatabaseAddress', database?.host)
    output(store, 'DatabaseSecret', database?.secretArn)
    for (const [name, table] of tables?.tables ?? []) output(store, `Table${wordOf(name)}`, table.tableName)
    output(store, 'LedgerTable', ledger.table.tableName)
    output(store, 'DeadLetterTable', deadLetters.table.tableName)
    output(store, 'DeadLetterBucket', deadLetters.bucket.bucketName)
    output(store, 'OperationsFunction', this.operations?.function.functionName)
    for (const consumer of this.consumers) {
      const word = wordOf(consumer.pipeline.name)
      output(process, `Function${word}`, consumer.function.functionName)
      output(process, `LogGroup${word}`, consumer.logGroup.logGroupName)
      output(process, `Mapping${word}`, consumer.cfnMapping.ref)
    }
  }
}

function output(stack: Stack, name: string, value: string | undefined): void {
  if (value !== undefined) new CfnOutput(stack, name, { value })
}

/** Without what is undefined: a prop that is there and undefined is another thing to the types. */
function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const present = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as { [K in keyof T]: Exclude<T[K], undefined> }
}
