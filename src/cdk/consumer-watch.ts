/**
 * What is to be watched of a consumer. Sources of the names: AWS Lambda, "Types of metrics for Lambda functions"; Amazon MSK,
 * "Monitor consumer lags"; src/lambda/telemetry.ts for our own.
 */
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { FLOOD_WINDOW } from '../core/limits.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { KafkaTopic } from './kafka-topic.ts'
import { metricOf } from './metric.ts'
import type { Statistic } from './metric.ts'
import type { AlarmSpec, GraphSpec } from './observable.ts'
import type { Poller } from './poller.ts'
import { wordOf } from './word.ts'

interface Watched {
  readonly consumer: {
    readonly pipeline: Pipeline
    readonly consumerGroup: string
    readonly function: lambda.Function
    readonly cfnMapping: lambda.CfnEventSourceMapping
  }
  readonly topic: KafkaTopic
  readonly poller: Poller
  readonly namespace: string
}

/** In a row, of five minutes each: what tries again by itself wakes nobody before. */
const LASTING = 3
/** Part of the timeout that an invocation may take before somebody is told. */
const NEAR_TIMEOUT = 0.8
const LATE_SECONDS = 900
const LATE_BATCHES = 10
const LATE_RECORDS_AT_LEAST = 1000
/** So many dead letters in five minutes are no single bad record: where the definition lets a flood pass. */
const FLOOD = 100

const ofFunction = ({ consumer }: Watched, name: string, statistic: Statistic): Metric =>
  metricOf('AWS/Lambda', name, { FunctionName: consumer.function.functionName }, statistic)

const ofPipeline = ({ consumer, namespace }: Watched, name: string, statistic: Statistic): Metric =>
  metricOf(namespace, name, { pipeline: consumer.pipeline.name }, statistic)

const ofSink = ({ consumer, namespace }: Watched, sink: string, name: string, statistic: Statistic): Metric =>
  metricOf(namespace, name, { pipeline: consumer.pipeline.name, sink }, statistic, `${sink} ${name}`)

const ofGroup = ({ consumer, topic }: Watched, name: string): Metric => {
  const dimensions = {
    'Cluster Name': topic.cluster.clusterName,
    'Consumer Group': consumer.consumerGroup,
    Topic: topic.topicName,
  }
  return metricOf('AWS/Kafka', name, dimensions, 'Maximum')
}

export function consumerAlarms(watched: Watched): AlarmSpec[] {
  return [...functionAlarms(watched), ...lagAlarms(watched), ...dataAlarms(watched)]
}

function functionAlarms(watched: Watched): AlarmSpec[] {
  const { name, function: settings } = watched.consumer.pipeline
  return [
    {
      id: 'Errors',
      metric: ofFunction(watched, 'Errors', 'Sum'),
      threshold: 1,
      periods: LASTING,
      text: `Invocations of pipeline "${name}" have failed for a quarter of an hour. Nothing is lost, but partitions stand still until their batch succeeds or leaves the topic. The ERROR lines of its log name the code and what to do.`,
    },
    {
      id: 'Throttles',
      metric: ofFunction(watched, 'Throttles', 'Sum'),
      threshold: 1,
      periods: LASTING,
      text: `Lambda refuses invocations of pipeline "${name}": the account, or the function's reserved concurrency, has none left. Nothing is lost; it falls behind.`,
    },
    {
      id: 'Duration',
      metric: ofFunction(watched, 'Duration', 'Maximum'),
      threshold: Math.floor(settings.timeoutSeconds * 1000 * NEAR_TIMEOUT),
      text: `An invocation of pipeline "${name}" took over ${NEAR_TIMEOUT * 100} % of its ${settings.timeoutSeconds} s. Longer ones are cut off and sent again, for ever. Give it more time or memory, or smaller batches.`,
    },
  ]
}

/** Of the cluster, which also knows where nobody polls; the poller's own counts stop with it. */
function lagAlarms(watched: Watched): AlarmSpec[] {
  const { pipeline, consumerGroup } = watched.consumer
  const what = `Group "${consumerGroup}" of pipeline "${pipeline.name}"`
  return [
    {
      id: 'Lag',
      metric: ofGroup(watched, 'MaxOffsetLag'),
      threshold: Math.max(LATE_RECORDS_AT_LEAST, LATE_BATCHES * pipeline.source.batch.records),
      periods: LASTING,
      text: `${what} has been behind its topic by more than ${LATE_BATCHES} batches for a quarter of an hour. If nothing is invoked, see the state of its event source mapping; else give it more partitions, or larger batches.`,
    },
    {
      id: 'TimeLag',
      metric: ofGroup(watched, 'EstimatedMaxTimeLag'),
      threshold: LATE_SECONDS,
      periods: LASTING,
      text: `${what} is ${LATE_SECONDS / 60} minutes or more behind its topic. Records that leave the topic before they are read are lost: compare with its retention.`,
    },
    ...droppedAlarms(watched),
  ]
}

/** Pollers on demand drop nothing, and count nothing of the kind. */
function droppedAlarms({ poller, consumer }: Watched): AlarmSpec[] {
  if (poller.mode === 'onDemand') return []
  const dimensions = { EventSourceMappingUUID: consumer.cfnMapping.ref }
  return [
    {
      id: 'Dropped',
      metric: metricOf('AWS/Lambda', 'DroppedEventCount', dimensions, 'Sum'),
      threshold: 1,
      text: `The event source mapping of pipeline "${consumer.pipeline.name}" gave up records: they reach no store and no dead letters. Give its poller no retries and no age, and read the topic again.`,
    },
  ]
}

function dataAlarms(watched: Watched): AlarmSpec[] {
  const { name, sinks } = watched.consumer.pipeline
  return [
    {
      id: 'DeadLetters',
      metric: ofPipeline(watched, 'DeadLetters', 'Sum'),
      threshold: 1,
      text: `Pipeline "${name}" put records aside that it cannot decode, transform or store. The rest goes on. Each dead letter names its reason.`,
    },
    floodAlarm(watched),
    {
      id: 'Failures',
      metric: ofPipeline(watched, 'Failures', 'Sum'),
      threshold: 1,
      periods: LASTING,
      text: `Batches of pipeline "${name}" have not become durable for a quarter of an hour: a store is out of reach, refuses, or is full. They are sent again until they are. The ERROR lines of its log name the code and what to do.`,
    },
    ...sinks.map(({ id }) => ({
      id: `Gaps${wordOf(id)}`,
      metric: ofSink(watched, id, 'Gaps', 'Sum'),
      threshold: 1,
      text: `Sink "${id}" of pipeline "${name}" saw offsets that no event brought. With a compacted topic or transactions that is as it should be; else records left the topic before they were read. The WARN lines of its log name the offsets.`,
    })),
  ]
}

/** D7: the function halts on its own, and says so; where it may not, the dead letters themselves tell. */
function floodAlarm(watched: Watched): AlarmSpec {
  const { name, maxPoisonShare } = watched.consumer.pipeline
  if (maxPoisonShare === false)
    return {
      id: 'PoisonFlood',
      metric: ofPipeline(watched, 'DeadLetters', 'Sum'),
      threshold: FLOOD,
      text: `Pipeline "${name}" put ${FLOOD} or more records aside within five minutes, and its maxPoisonShare is false: nothing else stops it. Pause its event source mapping if they should wait instead.`,
    }
  return {
    id: 'PoisonFlood',
    metric: ofPipeline(watched, 'PoisonFloods', 'Sum'),
    threshold: 1,
    text: `Pipeline "${name}" halts: more than a share of ${maxPoisonShare} of a partition's last ${FLOOD_WINDOW} records is poison, as after a bad deployment. Nothing is lost, the records wait in the topic. Deploy a definition that takes them, or one whose maxPoisonShare lets them pass.`,
  }
}

export function consumerGraphs(watched: Watched): GraphSpec[] {
  const { name, sinks } = watched.consumer.pipeline
  return [
    {
      title: `${name}: invocations`,
      left: ['Invocations', 'Errors', 'Throttles'].map((each) => ofFunction(watched, each, 'Sum')),
      right: [ofFunction(watched, 'Duration', 'Maximum')],
    },
    {
      title: `${name}: records`,
      left: ['Records', 'Rows', 'DeadLetters'].map((each) => ofPipeline(watched, each, 'Sum')),
      right: [ofPipeline(watched, 'Failures', 'Sum')],
    },
    {
      title: `${name}: behind its topic`,
      left: [ofGroup(watched, 'MaxOffsetLag'), ofGroup(watched, 'SumOffsetLag')],
      right: [ofGroup(watched, 'EstimatedMaxTimeLag')],
    },
    {
      title: `${name}: sinks`,
      left: sinks.map(({ id }) => ofSink(watched, id, 'Duration', 'Maximum')),
      right: sinks.map(({ id }) => ofSink(watched, id, 'Duplicates', 'Sum')),
    },
  ]
}
