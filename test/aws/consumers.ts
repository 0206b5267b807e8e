/** Consumers of pipelines made for a test, each with all that it needs in one stack. */
import { Stack } from 'aws-cdk-lib'
import { KafkaCluster, KafkaTopic, Network, TopicConsumer } from '../../src/cdk/index.ts'
import type { TopicConsumerProps } from '../../src/cdk/index.ts'
import { text } from '../../src/core/decode/text.ts'
import { pipeline } from '../../src/core/pipeline.ts'
import type { Pipeline } from '../../src/core/pipeline.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import { postgres } from '../../src/sinks/postgres/index.ts'
import { s3 } from '../../src/sinks/s3/index.ts'
import type { SinkDefinition } from '../../src/sinks/sink.ts'
import type { World } from './reachability.ts'
import { codeFolder, makeStores, testApp } from './spec-app.ts'

export const lake = s3({ id: 'lake' })
export const kv = dynamodb({ id: 'kv', table: 'orders', partitionKey: 'id' })
export const sql = postgres({ id: 'sql', table: 'orders', key: ['id'], columns: { id: 'text' } })

export const reading = (name: string, sinks: readonly SinkDefinition[], more: object = {}): Pipeline =>
  pipeline({
    name,
    source: { topic: 'orders', batch: { records: 500, windowSeconds: 2 } },
    decode: text(),
    sinks,
    ...more,
  })

type Overrides = { readonly [Key in keyof TopicConsumerProps]?: TopicConsumerProps[Key] | undefined }

/** A stack with everything that the pipelines need, and a consumer of each. */
export function consumers(pipelines: readonly Pipeline[], more: Overrides = {}) {
  const stack = new Stack(testApp(), 'Other')
  const network = new Network(stack, 'Network')
  const cluster = new KafkaCluster(stack, 'Kafka', { network })
  const topic = new KafkaTopic(stack, 'Topic', { cluster, name: 'orders' })
  const stores = makeStores(stack, network, pipelines)
  const made = pipelines.map((each) => {
    const props = { pipeline: each, codeFolder, topic, network, ...stores, ...more } as TopicConsumerProps
    return new TopicConsumer(stack, each.name, props)
  })
  return { stack, network, topic, stores, made }
}

/** What a function of the world is told in a variable, as JSON. */
export function told(from: World, part: string, variable: string): unknown {
  const found = from.resources.find(({ id, type }) => type === 'AWS::Lambda::Function' && id.startsWith(part))
  const { Variables } = found!.properties['Environment'] as { Variables: Record<string, string> }
  return JSON.parse(Variables[variable]!.replaceAll(/\/([A-Za-z]+?)[0-9A-F]{8}(?=[".])/g, '/$1'))
}
