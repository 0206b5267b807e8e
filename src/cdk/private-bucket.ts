import { RemovalPolicy } from 'aws-cdk-lib'
import * as s3 from 'aws-cdk-lib/aws-s3'
import type { Construct } from 'constructs'

export interface PrivateBucketProps {
  readonly keepData: boolean
  readonly lifecycleRules?: s3.LifecycleRule[]
}

/** Nobody but roles of the account, over TLS, encrypted with keys of S3. Its policy stays as long as the bucket does. */
export function privateBucket(
  scope: Construct,
  id: string,
  { keepData, lifecycleRules = [] }: PrivateBucketProps,
): s3.Bucket {
  const removalPolicy = keepData ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
  const bucket = new s3.Bucket(scope, id, {
    encryption: s3.BucketEncryption.S3_MANAGED,
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    lifecycleRules,
    removalPolicy,
  })
  bucket.policy?.applyRemovalPolicy(removalPolicy)
  return bucket
}
