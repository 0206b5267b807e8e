import type { Deadline } from '../core/ports.ts'
import type { AwsClient } from './client.ts'

/** DynamoDB's JSON protocol: attribute values as the API has them, `{"S": "text"}`, binary in base64. */
export interface Dynamo {
  /**
   * One operation of DynamoDB_20120810. `input` as an object, or as JSON already written. Throws AwsFault by the service's
   * error name. Errors of single statements and unprocessed items come in the output: they are the caller's.
   */
  call<Output = Record<string, unknown>>(operation: string, input: object | string, deadline: Deadline): Promise<Output>
}

export function dynamo(client: AwsClient): Dynamo {
  return {
    async call<Output>(operation: string, input: object | string, deadline: Deadline): Promise<Output> {
      const { body } = await client.request({
        operation,
        method: 'POST',
        path: '/',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${operation}` },
        body: Buffer.from(typeof input === 'string' ? input : JSON.stringify(input)),
        deadline,
      })
      return JSON.parse(body.toString('utf8')) as Output
    },
  }
}
