import { isObject } from '../core/object.ts'
import type { AwsResponse } from './attempt.ts'
import { AwsFault } from './fault.ts'
import { elementOf } from './xml.ts'

/**
 * Reads the error document of an answer.
 * - DynamoDB, JSON 1.0: `{"__type": "com.amazonaws.dynamodb.v20120810#ValidationException", "message" | "Message": "..."}`
 * - S3, XML: `<Error><Code>NoSuchKey</Code><Message>...</Message>...</Error>`; HEAD has no body, so the status names it.
 */
export function faultFrom(response: AwsResponse, service: string, operation: string): AwsFault {
  const { status, body } = response
  const facts = { service, operation, status }
  const text = body.toString('utf8')
  if (text.trimStart().startsWith('<')) {
    const name = elementOf(text, 'Code') ?? nameOfStatus(status)
    return new AwsFault({ ...facts, name, message: elementOf(text, 'Message') ?? `status ${status}` })
  }
  const document = parse(text)
  const type = typeof document?.__type === 'string' ? document.__type : undefined
  const message = document?.message ?? document?.Message
  return new AwsFault({
    ...facts,
    name: type === undefined ? nameOfStatus(status) : type.slice(type.indexOf('#') + 1).split(':')[0]!,
    message: typeof message === 'string' ? message : `status ${status}`,
    ...(document ? { body: document } : {}),
  })
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // no document, as from HEAD or a proxy: the status says enough
  }
}

const names: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  307: 'TemporaryRedirect',
  403: 'AccessDenied',
  404: 'NotFound',
  409: 'ConditionalRequestConflict',
  412: 'PreconditionFailed',
  429: 'TooManyRequestsException',
  500: 'InternalError',
  503: 'ServiceUnavailable',
}

function nameOfStatus(status: number): string {
  return names[status] ?? `Status${status}`
}
