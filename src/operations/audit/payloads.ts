/** Payloads of dead letters that were too large for their item, read with the AWS SDK. */
import type { S3Client } from '@aws-sdk/client-s3'
import { optionalModule } from '../../config/optional-module.ts'
import { asRequestError, clientConfig } from '../aws-target.ts'
import type { Target } from '../target.ts'

export interface Payloads {
  /** The document; undefined where it is gone. */
  get(place: { readonly bucket: string; readonly key: string }): Promise<string | undefined>
  close(): Promise<void>
}

/** Loads the client with the first payload: most audits see none. */
export function openPayloads(target: Target, signal: AbortSignal): Payloads {
  let client: S3Client | undefined
  return {
    async get({ bucket: Bucket, key: Key }) {
      const sdk = await optionalModule('@aws-sdk/client-s3', 'the audit', () => import('@aws-sdk/client-s3'))
      client ??= new sdk.S3Client({ ...clientConfig(target.s3), forcePathStyle: true })
      try {
        const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket, Key }), { abortSignal: signal })
        return await Body?.transformToString()
      } catch (error) {
        if (error instanceof sdk.NoSuchKey) return undefined
        return asRequestError('S3', 'GetObject')(error)
      }
    },
    close: async () => client?.destroy(),
  }
}
