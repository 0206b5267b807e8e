/** The stores of a pipeline on AWS: bucket, database, tables, the ledger and dead letters, in an app of one's own. */
import { App, Stack } from 'aws-cdk-lib'
import {
  DatabaseSize,
  DeadLetters,
  LedgerTable,
  Network,
  RecordBucket,
  RecordDatabase,
  RecordTables,
} from 'weirhouse/cdk'
import orders from '../typed-orders/pipeline.ts'

const stack = new Stack(new App(), 'Store')
const network = new Network(stack, 'Network')
const size = DatabaseSize.of({ instance: 't4g.small', storageGib: 50 })
new RecordBucket(stack, 'Records')
new RecordDatabase(stack, 'Database', { network, size, multiAz: true })
new RecordTables(stack, 'Tables', { pipelines: [orders] })
new LedgerTable(stack, 'Ledger')
new DeadLetters(stack, 'DeadLetters')
