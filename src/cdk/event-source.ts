/** The event source mapping of a topic, and what the role of its function needs for it. */
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import type { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import type { KafkaTopic } from './kafka-topic.ts'
import type { Poller } from './poller.ts'

export interface EventSourceSpec {
  readonly pipeline: Pipeline
  readonly topic: KafkaTopic
  readonly poller: Poller
  readonly consumerGroup: string
  readonly function: lambda.Function
  readonly role: iam.Role
}

/** The poller's way into the cluster's subnets. As with the function's own, the service asks for them on every resource. */
const POLLING = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeVpcs',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeSubnets',
  'ec2:DescribeSecurityGroups',
]

/** Reads the topic from its beginning, and goes on where its group has come to. */
export function makeEventSource(scope: Construct, spec: EventSourceSpec): lambda.CfnEventSourceMapping {
  const { pipeline, topic, poller, consumerGroup } = spec
  const { records, windowSeconds } = pipeline.source.batch
  const mapping = new lambda.CfnEventSourceMapping(scope, 'Mapping', {
    functionName: spec.function.functionName,
    eventSourceArn: topic.cluster.arn,
    topics: [topic.topicName],
    startingPosition: 'TRIM_HORIZON',
    batchSize: records,
    ...(windowSeconds !== undefined && { maximumBatchingWindowInSeconds: windowSeconds }),
    amazonManagedKafkaEventSourceConfig: { consumerGroupId: consumerGroup },
    ...pollerProps(poller),
  })
  grantPolling(spec).applyBefore(mapping)
  mapping.node.addDependency(topic.cfnTopic)
  return mapping
}

/** On demand there is none of this: the service ignores or refuses it there. */
function pollerProps(poller: Poller): Partial<lambda.CfnEventSourceMappingProps> {
  if (poller.mode === 'onDemand') return {}
  const { minimum, maximum, retries, maxAgeSeconds, bisectOnError } = poller
  return {
    provisionedPollerConfig: { minimumPollers: minimum, maximumPollers: maximum },
    ...(retries !== undefined && { maximumRetryAttempts: retries }),
    ...(maxAgeSeconds !== undefined && { maximumRecordAgeInSeconds: maxAgeSeconds }),
    ...(bisectOnError && { bisectBatchOnFunctionError: true }),
    metricsConfig: { metrics: ['EventCount', 'ErrorCount'] },
    loggingConfig: { systemLogLevel: 'WARN' },
  }
}

/** What the managed policy AWSLambdaMSKExecutionRole allows, of this cluster where the service knows one, and reading the topic. */
function grantPolling({ topic, role, consumerGroup }: EventSourceSpec): iam.Grant {
  const grant = (actions: string[], resource: string) =>
    iam.Grant.addToPrincipal({ grantee: role, actions, resourceArns: [resource] })
  return (
    topic
      .grantConsume(role, { group: consumerGroup })
      .combine(grant(['kafka:DescribeCluster', 'kafka:DescribeClusterV2'], topic.cluster.arn))
      // The service knows no resource for this action, hence the star.
      .combine(grant(['kafka:GetBootstrapBrokers'], '*'))
      .combine(grant(POLLING, '*'))
  )
}
