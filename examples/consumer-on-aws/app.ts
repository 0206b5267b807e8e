/** A pipeline at work on AWS: its bundle as a function, fed from its topic, writing to its stores. */
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import {
  bundlePipeline,
  DeadLetters,
  KafkaCluster,
  KafkaTopic,
  LedgerTable,
  Network,
  RecordBucket,
  RecordDatabase,
  RecordTables,
  TopicConsumer,
} from 'weirhouse/cdk'
import orders from '../typed-orders/pipeline.ts'

const modulePath = join(import.meta.dirname, '../typed-orders/pipeline.ts')
const bundle = await bundlePipeline({ modulePath, outFolder: 'build/orders', pipelineName: orders.name })

const stack = new Stack(new App(), 'Orders')
const network = new Network(stack, 'Network')
const cluster = new KafkaCluster(stack, 'Kafka', { network })
new TopicConsumer(stack, 'Consumer', {
  pipeline: orders,
  codeFolder: bundle.folder,
  topic: new KafkaTopic(stack, 'Topic', { cluster, name: orders.source.topic }),
  network,
  stores: {
    s3: new RecordBucket(stack, 'Records'),
    postgres: new RecordDatabase(stack, 'Database', { network }),
    dynamodb: new RecordTables(stack, 'Tables', { pipelines: [orders] }),
  },
  ledger: new LedgerTable(stack, 'Ledger'),
  deadLetters: new DeadLetters(stack, 'DeadLetters'),
})
