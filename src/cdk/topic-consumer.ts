import { Stack, Validations } from 'aws-cdk-lib'
import type * as ec2 from 'aws-cdk-lib/aws-ec2'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { BINDINGS_VARIABLE } from '../core/bindings.ts'
import { METRICS_NAMESPACE, NAMESPACE_VARIABLE } from '../core/metrics.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { SinkDefinition, SinkKind } from '../sinks/sink.ts'
import { consumerAlarms, consumerGraphs } from './consumer-watch.ts'
import type { DeadLetters } from './dead-letters.ts'
import { makeEventSource } from './event-source.ts'
import { makeFunction } from './function-parts.ts'
import type { KafkaTopic } from './kafka-topic.ts'
import type { LedgerTable } from './ledger-table.ts'
import type { Network } from './network.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { Poller } from './poller.ts'
import { refuse, wholeNumber } from './refuse.ts'
import type { SinkBinding, SinkStore } from './sink-store.ts'

export interface TopicConsumerProps {
  readonly pipeline: Pipeline
  /** A folder with the bundle of the pipeline, as bundlePipeline writes it: deployed byte for byte. */
  readonly codeFolder: string
  /** The topic that the pipeline names. */
  readonly topic: KafkaTopic
  /** A store for each kind of sink that the pipeline has. */
  readonly stores: Readonly<Partial<Record<SinkKind, SinkStore>>>
  readonly ledger: LedgerTable
  readonly deadLetters: DeadLetters
  /**
   * The network of the stores; needed where one of them is within a VPC, as a database is.
   * @default none: the function is in no VPC
   */
  readonly network?: Network
  /**
   * Which the mapping reads as. Another one reads the topic from its beginning; what the stores have is not written twice.
   * @default weirhouse-<pipeline>
   */
  readonly consumerGroup?: string
  /** @default Poller.onDemand() */
  readonly poller?: Poller
  /**
   * Function instances at once, at most. Each partition has one in flight.
   * @default what the account has left
   */
  readonly reservedConcurrency?: number
  /**
   * How long the function's log is kept.
   * @default one month
   */
  readonly logRetention?: logs.RetentionDays
  /**
   * Where the function's own metrics go; environments that share account and region want one each.
   * @default Weirhouse
   */
  readonly metricsNamespace?: string
}

/**
 * One pipeline at work: its function, and the event source mapping that feeds it from the topic. The function may do what its
 * sinks ask for and no more. Warns `weirhouse:records-given-up` where the poller stops trying. The L1 mapping is public.
 */
export class TopicConsumer extends Construct implements Observable {
  readonly pipeline: Pipeline
  readonly consumerGroup: string
  readonly function: lambda.Function
  readonly role: iam.Role
  readonly logGroup: logs.LogGroup
  /** Undefined where no store is within a VPC. */
  readonly securityGroup: ec2.SecurityGroup | undefined
  readonly cfnMapping: lambda.CfnEventSourceMapping
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]

  constructor(scope: Construct, id: string, props: TopicConsumerProps) {
    super(scope, id)
    const { pipeline, topic, ledger, deadLetters, poller = Poller.onDemand() } = props
    const { name, source, sinks } = pipeline
    this.pipeline = pipeline
    this.consumerGroup = props.consumerGroup ?? `weirhouse-${name}`
    requireTopic(topic, source.topic)
    const bound = sinks.map((sink) => [sink.id, bind(pipeline, sink, props.stores)] as const)
    const parts = makeFunction(this, {
      what: 'TopicConsumer',
      description: `Weirhouse: ${name}, from topic ${topic.topicName}`.slice(0, MAX_DESCRIPTION),
      codeFolder: props.codeFolder,
      memoryMb: pipeline.function.memoryMb,
      timeoutSeconds: pipeline.function.timeoutSeconds,
      environment: this.#environment(props, bound),
      statements: [
        ...bound.flatMap(([, { statements }]) => statements),
        ...sinks.flatMap((sink) => ledger.statements(pipeline, sink)),
        ...ledger.poisonStatements(pipeline),
        ...deadLetters.statements(pipeline),
      ],
      connections: bound.flatMap(([, { connections }]) => connections),
      network: props.network,
      logRetention: props.logRetention,
      reservedConcurrency: concurrencyOf(props.reservedConcurrency),
    })
    this.role = parts.role
    this.logGroup = parts.logGroup
    this.securityGroup = parts.securityGroup
    this.function = parts.function
    const { consumerGroup, role } = this
    this.cfnMapping = makeEventSource(this, { pipeline, topic, poller, consumerGroup, role, function: this.function })
    // Pollers on demand call Lambda and STS by the NAT gateway.
    if (props.network) this.cfnMapping.node.addDependency(...props.network.natRoutes)
    const watched = { consumer: this, topic, poller, namespace: props.metricsNamespace ?? METRICS_NAMESPACE }
    this.alarms = consumerAlarms(watched)
    this.graphs = consumerGraphs(watched)
    if (poller.mode === 'provisioned') this.#warn(poller.retries, poller.maxAgeSeconds)
  }

  #environment(
    { ledger, deadLetters, metricsNamespace }: TopicConsumerProps,
    bound: readonly (readonly [string, SinkBinding])[],
  ): Record<string, string> {
    const environment: Record<string, string> = {
      [BINDINGS_VARIABLE]: Stack.of(this).toJsonString({
        sinks: Object.fromEntries(bound.map(([id, { binding }]) => [id, binding])),
        ledger: ledger.binding,
        deadLetters: deadLetters.binding,
      }),
      ...(metricsNamespace === undefined ? {} : { [NAMESPACE_VARIABLE]: metricsNamespace }),
    }
    for (const [id, binding] of bound)
      for (const [name, value] of Object.entries(binding.environment)) {
        if ((environment[name] ?? value) !== value)
          refuse({
            what: 'TopicConsumer.stores',
            got: value,
            why: `sink "${id}" wants it as ${name}, which is ${environment[name]} already`,
            instead: 'bind the sinks to stores that agree',
          })
        environment[name] = value
      }
    return environment
  }

  #warn(retries: number | undefined, maxAgeSeconds: number | undefined): void {
    if (retries === undefined && maxAgeSeconds === undefined) return
    const got = retries === undefined ? `maxAgeSeconds ${maxAgeSeconds}` : `retries ${retries}`
    Validations.of(this).addWarning(
      'weirhouse:records-given-up',
      `TopicConsumer.poller got ${got}: a batch that fails for longer is given up, and its records reach no store and no dead letters. Leave it out to keep every record.`,
    )
  }
}

/** Lambda: characters of a description. */
const MAX_DESCRIPTION = 256

function requireTopic({ topicName }: KafkaTopic, wanted: string): void {
  if (topicName !== wanted)
    refuse({
      what: 'TopicConsumer.topic',
      got: topicName,
      why: `the pipeline reads from ${wanted}`,
      instead: `give the KafkaTopic named ${wanted}`,
    })
}

function bind(pipeline: Pipeline, sink: SinkDefinition, stores: TopicConsumerProps['stores']): SinkBinding {
  const store = stores[sink.kind]
  if (!store)
    refuse({
      what: 'TopicConsumer.stores',
      got: Object.keys(stores),
      why: `sink "${sink.id}" of pipeline "${pipeline.name}" is of kind ${sink.kind}`,
      instead: sink.kind === 'memory' ? 'leave that sink to tests' : `give one as ${sink.kind}`,
    })
  return store.bind(pipeline, sink)
}

function concurrencyOf(reserved: number | undefined): number | undefined {
  return reserved === undefined ? undefined : wholeNumber('TopicConsumer.reservedConcurrency', reserved, 1, 100_000)
}
