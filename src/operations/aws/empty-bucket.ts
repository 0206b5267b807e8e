/** CloudFormation deletes no bucket that holds something: what is to go with its stack is emptied before. */
import { optionalModule } from '../../config/optional-module.ts'
import { asRequestError } from '../aws-target.ts'
import { cloudConfig } from './clients.ts'

/** Every object and every version of it. Resolves with how many. */
export async function emptyBucket(
  bucket: string,
  region: string,
  signal: AbortSignal,
  onDeleted: (count: number) => void,
): Promise<number> {
  const sdk = await optionalModule('@aws-sdk/client-s3', 'emptying a bucket', () => import('@aws-sdk/client-s3'))
  // A server in place of AWS has no name for each bucket.
  const forcePathStyle = Boolean(process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'])
  const client = new sdk.S3Client({ ...cloudConfig(region), forcePathStyle })
  const options = { abortSignal: signal }
  let count = 0
  try {
    for (;;) {
      // What is deleted no longer stands in the listing: the first page is always the next.
      const page = await client
        .send(new sdk.ListObjectVersionsCommand({ Bucket: bucket }), options)
        .catch(asRequestError('S3', 'ListObjectVersions'))
      const Objects = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key, VersionId }) => ({
        Key: Key!,
        VersionId,
      }))
      if (Objects.length === 0) return count
      const { Errors = [] } = await client
        .send(new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }), options)
        .catch(asRequestError('S3', 'DeleteObjects'))
      if (Errors.length > 0) asRequestError('S3', 'DeleteObjects')(new Error(Errors[0]!.Message ?? Errors[0]!.Code))
      count += Objects.length
      onDeleted(count)
    }
  } finally {
    client.destroy()
  }
}
