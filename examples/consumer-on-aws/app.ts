/** A pipeline at work on AWS: its bundle as a function, fed from its topic, writing to its stores, and watched. */
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import {
  bundleOperations,
  bundlePipeline,
  DeadLetters,
  KafkaCluster,
  KafkaTopic,
  LedgerTable,
  Network,
  Observation,
  OperationsFunction,
  RecordBucket,
  RecordDatabase,
  RecordTables,
  TopicConsumer,
} from 'weirhouse/cdk'
import orders from '../typed-orders/pipeline.ts'

const modulePath = join(import.meta.dirname, '../typed-orders/pipeline.ts')
const bundle = await bundlePipeline({ modulePath, outFolder: 'build/orders', pipelineName: orders.name })
const operations = await bundleOperations({ modulePaths: [modulePath], outFolder: 'build/operations' })

const stack = new Stack(new App(), 'Orders')
const network = new Network(stack, 'Network')
const cluster = new KafkaCluster(stack, 'Kafka', { network })
const database = new RecordDatabase(stack, 'Database', { network })
// Invoked with {"verb": "migrate"}, it makes the tables: before there is something to consume.
new OperationsFunction(stack, 'Operations', { network, database, codeFolder: operations.folder })
const consumer = new TopicConsumer(stack, 'Consumer', {
  pipeline: orders,
  codeFolder: bundle.folder,
  topic: new KafkaTopic(stack, 'Topic', { cluster, name: orders.source.topic }),
  network,
  stores: {
    s3: new RecordBucket(stack, 'Records'),
    postgres: database,
    dynamodb: new RecordTables(stack, 'Tables', { pipelines: [orders] }),
  },
  ledger: new LedgerTable(stack, 'Ledger'),
  deadLetters: new DeadLetters(stack, 'DeadLetters'),
})
new Observation(stack, 'Observation', {
  name: 'orders',
  watched: [
    { name: 'Kafka', observable: cluster },
    { name: 'Database', observable: database },
    { name: 'Orders', observable: consumer },
  ],
})
