/** Invokes the operations function of a deployment, and takes its error for what it was there. */
import { optionalModule } from '../../config/optional-module.ts'
import { errorTable } from '../../core/error-table.ts'
import { messageOf, retold, WeirError } from '../../core/errors.ts'
import type { ThrownCode } from '../../core/errors.ts'
import { operationAnswer } from '../../core/operations.ts'
import type { OperationAnswer, OperationVerb } from '../../core/operations.ts'
import { parseShape } from '../../core/shape.ts'
import { asRequestError } from '../aws-target.ts'

export interface OperationsInvocation {
  readonly functionName: string
  readonly region: string
  readonly verb: OperationVerb
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean
  readonly signal: AbortSignal
}

/** A function's longest run: an answer that comes later comes from nobody. Source: Lambda quotas, function timeout. */
const LONGEST_RUN_MS = 900_000

/**
 * With the AWS SDK, so with the credentials and profiles that a person has. Throws what the function threw, with its code;
 * WEIR_REQUEST_FAILED where it did not run to its end or could not be invoked, WEIR_MODULE_MISSING. An abort passes through.
 */
export async function invokeOperations(invocation: OperationsInvocation): Promise<OperationAnswer> {
  const { functionName, region, verb, dryRun, signal } = invocation
  const { InvokeCommand, LambdaClient } = await optionalModule(
    '@aws-sdk/client-lambda',
    'an operation on AWS',
    () => import('@aws-sdk/client-lambda'),
  )
  const client = new LambdaClient({
    region,
    requestHandler: { requestTimeout: LONGEST_RUN_MS, throwOnRequestTimeout: true },
  })
  try {
    const command = new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify({ verb, dryRun }) })
    const { FunctionError, Payload } = await client
      .send(command, { abortSignal: signal })
      .catch(asRequestError('Lambda', `Invoke of ${functionName}`))
    const payload = parsed(Payload?.transformToString() ?? '')
    if (FunctionError !== undefined) throw functionError(payload, functionName)
    return answerOf(payload, functionName)
  } finally {
    client.destroy()
  }
}

function answerOf(payload: unknown, functionName: string): OperationAnswer {
  try {
    return parseShape(operationAnswer, payload, 'its answer')
  } catch (error) {
    throw failed(functionName, '', `${messageOf(error)} Is it the operations function?`, error)
  }
}

/** Lambda: `{"errorType": name, "errorMessage": message, "trace": [...]}`; the name is our code where the handler threw. */
function functionError(payload: unknown, functionName: string): WeirError {
  const { errorType = '', errorMessage = '' } = (payload ?? {}) as Readonly<Record<string, string | undefined>>
  if (Object.hasOwn(errorTable, errorType)) return retold(errorType as ThrownCode, errorMessage)
  return failed(functionName, errorType, errorMessage || 'no reason given')
}

function failed(functionName: string, name: string, reason: string, cause?: unknown): WeirError {
  const details = { service: 'Lambda', operation: `Invoke of ${functionName}`, status: 200, name }
  return new WeirError('WEIR_REQUEST_FAILED', { ...details, reason: reason.replace(/\.$/, '') }, { cause })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text // no JSON is no answer of ours: the check says so
  }
}
