/** What a function that failed answers, and what is refused before it runs: texts as Lambda has them. Pure. */
import { MAX_PAYLOAD_BYTES } from '../../core/limits.ts'

/** Lambda: a response may be 6 MiB and 100 bytes; the number stands in its own message. */
export const MAX_RESPONSE_BYTES = MAX_PAYLOAD_BYTES + 100

/** How a process ended, as Node tells it: one of the two is set. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface FunctionError {
  readonly errorType: string
  readonly errorMessage: string
}

const signalTexts: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGKILL: 'killed',
  SIGABRT: 'aborted',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
}

export function exitReason({ code, signal }: ProcessEnd): string {
  if (signal !== null) return `Runtime exited with error: signal: ${signalTexts[signal] ?? signal}`
  return code === 0 ? 'Runtime exited without providing a reason' : `Runtime exited with error: exit status ${code}`
}

export function exitError(requestId: string, end: ProcessEnd): FunctionError {
  return { errorType: 'Runtime.ExitError', errorMessage: `RequestId: ${requestId} Error: ${exitReason(end)}` }
}

/** `Task timed out after 3.00 seconds` */
export function timeoutText(seconds: number): string {
  return `Task timed out after ${seconds.toFixed(2)} seconds`
}

export function timeoutError(requestId: string, seconds: number): FunctionError {
  return { errorType: 'Sandbox.Timedout', errorMessage: `RequestId: ${requestId} Error: ${timeoutText(seconds)}` }
}

export function responseTooLarge(): FunctionError {
  return {
    errorType: 'Function.ResponseSizeTooLarge',
    errorMessage: `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`,
  }
}

/** An error of the Lambda API: the function did not run. Source: AWS Lambda API reference, Invoke, "Errors". */
export interface Refusal {
  readonly status: number
  readonly type: string
  readonly body: Readonly<Record<string, string>>
}

const user = (status: number, type: string, message: string): Refusal => ({
  status,
  type,
  body: { Type: 'User', Message: message, message },
})

export const refusals = {
  noFunction: (arn: string) => user(404, 'ResourceNotFoundException', `Function not found: ${arn}`),
  tooLarge: (bytes: number) =>
    user(
      413,
      'RequestTooLargeException',
      `${bytes} byte payload is too large for the RequestResponse invocation type (limit ${MAX_PAYLOAD_BYTES} bytes)`,
    ),
  throttled: (): Refusal => ({
    status: 429,
    type: 'TooManyRequestsException',
    body: {
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      Type: 'User',
      message: 'Rate Exceeded.',
    },
  }),
  notJson: (reason: string) =>
    user(400, 'InvalidRequestContentException', `Could not parse request body into json: ${reason}`),
  parameter: (message: string) => user(400, 'InvalidParameterValueException', message),
  unknownOperation: () =>
    user(
      404,
      'UnknownOperationException',
      'The sandbox answers Invoke, ListEventSourceMappings, GetEventSourceMapping and UpdateEventSourceMapping',
    ),
  noMapping: () => user(404, 'ResourceNotFoundException', 'The resource you requested does not exist.'),
  mappingInUse: () =>
    user(400, 'ResourceInUseException', 'Cannot update the event source mapping because it is in use.'),
  forbidden: (message: string) => user(403, 'AccessDeniedException', message),
  service: (message: string): Refusal => ({
    status: 500,
    type: 'ServiceException',
    body: { Type: 'Service', Message: message, message },
  }),
} as const
