import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { deadLetterTable, EXPIRES, payloadKey } from '../sinks/dead-letters/index.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { privateBucket } from './private-bucket.ts'
import { makeTable, tableAlarms, tableGraph } from './table.ts'

export interface DeadLettersProps {
  /**
   * Whether table and bucket stay when their stack goes. Where not, the bucket goes only once it is empty, as that of
   * RecordBucket.
   * @default true
   */
  readonly keepData?: boolean
}

/** Dead letters of every pipeline: a table, and a bucket for payloads over 300 KB. Only what was replayed or discarded expires. */
export class DeadLetters extends Construct implements Observable {
  readonly table: dynamodb.Table
  readonly bucket: s3.Bucket
  /** Of the table. Letters that come are the consumer's alarm, which knows the pipeline. */
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]

  constructor(scope: Construct, id: string, { keepData = true }: DeadLettersProps = {}) {
    super(scope, id)
    this.table = makeTable(this, 'Table', deadLetterTable('dead-letters'), keepData)
    const timeToLive = { attributeName: EXPIRES, enabled: true }
    ;(this.table.node.defaultChild as dynamodb.CfnTable).timeToLiveSpecification = timeToLive
    this.bucket = privateBucket(this, 'Payloads', { keepData })
    const watched = { table: this.table, word: 'DeadLetter', what: 'table of dead letters' }
    this.alarms = tableAlarms(watched)
    this.graphs = [tableGraph(watched)]
  }

  /** This part of WEIRHOUSE_BINDINGS. */
  get binding(): Readonly<Record<'table' | 'bucket', string>> {
    return { table: this.table.tableName, bucket: this.bucket.bucketName }
  }

  /**
   * Letters of one pipeline: putting them, by conditional writes, and looking at the one that a replayed record names. Nothing
   * is listed.
   */
  statements({ name }: Pipeline): iam.PolicyStatement[] {
    return [
      new iam.PolicyStatement({
        actions: ['dynamodb:PutItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
        resources: [this.table.tableArn],
        conditions: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [name] } },
      }),
      new iam.PolicyStatement({
        actions: ['s3:PutObject', 's3:GetObject'],
        resources: [this.bucket.arnForObjects(payloadKey(name, '*'))],
      }),
    ]
  }
}
