import { Duration } from 'aws-cdk-lib'
import type * as s3 from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { dataPrefix } from '../sinks/s3/index.ts'
import type { S3Options } from '../sinks/s3/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { requireKind, statementsOf } from './grants.ts'
import { metricOf } from './metric.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { privateBucket } from './private-bucket.ts'
import type { SinkBinding, SinkStore } from './sink-store.ts'

export interface RecordBucketProps {
  /**
   * Whether the bucket stays when its stack goes. Where not, it goes only once it is empty: emptying it is left to you
   * (`aws s3 rm --recursive`), since CloudFormation could do so by a function alone that may delete every record.
   * @default true
   */
  readonly keepData?: boolean
}

/** One private bucket for every S3 sink: each writes under its own pipeline, id and topic, and sees nothing else's bytes. */
export class RecordBucket extends Construct implements SinkStore, Observable {
  readonly bucket: s3.Bucket
  /** None: what goes wrong with a request is an error of the function. Metrics of single requests cost, and are off. */
  readonly alarms: readonly AlarmSpec[] = []
  readonly graphs: readonly GraphSpec[]

  constructor(scope: Construct, id: string, { keepData = true }: RecordBucketProps = {}) {
    super(scope, id)
    const lifecycleRules = [{ id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) }]
    this.bucket = privateBucket(this, 'Bucket', { keepData, lifecycleRules })
    this.graphs = [graphOf(this.bucket.bucketName)]
  }

  /**
   * Objects of the sink's own prefix. Listing is of the whole bucket: S3 answers 404 instead of 403 to a HEAD of what is not
   * there only to who may list, and that question has no prefix which a condition could ask for. It shows names, no bytes.
   */
  bind(pipeline: Pipeline, sink: SinkDefinition): SinkBinding {
    requireKind('RecordBucket', 's3', pipeline, sink)
    const { prefix } = sink.options as S3Options
    const folder = dataPrefix(prefix, pipeline.name, sink.id, pipeline.source.topic)
    return {
      binding: { bucket: this.bucket.bucketName, prefix },
      environment: {},
      statements: statementsOf(sink, {
        objects: this.bucket.arnForObjects(`${folder}*`),
        bucket: this.bucket.bucketArn,
      }),
      connections: [],
    }
  }
}

/** S3 counts once a day. */
function graphOf(bucket: string): GraphSpec {
  const daily = (name: string, StorageType: string) =>
    metricOf('AWS/S3', name, { BucketName: bucket, StorageType }, 'Maximum').with({ period: Duration.days(1) })
  return {
    title: 'Objects of the records',
    left: [daily('NumberOfObjects', 'AllStorageTypes')],
    right: [daily('BucketSizeBytes', 'StandardStorage')],
  }
}
