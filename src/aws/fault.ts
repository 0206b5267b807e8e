import { known, WeirError, withCode } from '../core/errors.ts'
import { causeOf } from './fault-table.ts'
import type { FaultKind } from './fault-table.ts'

export interface FaultFacts {
  readonly service: string
  readonly operation: string
  /** The service's error name, or Node's error code. */
  readonly name: string
  /** HTTP status; 0 where there was no answer. */
  readonly status: number
  readonly message: string
  /** The error document, parsed: may hold a payload (`Item`), so it is never printed. */
  readonly body?: Readonly<Record<string, unknown>>
}

/** A request that did not come back with success. `message` is the service's own text, without credentials. */
export class AwsFault extends Error {
  declare readonly name: string
  declare readonly service: string
  declare readonly operation: string
  declare readonly status: number
  declare readonly kind: FaultKind
  declare readonly retryable: boolean
  declare readonly advice: string | undefined
  declare readonly body: Readonly<Record<string, unknown>> | undefined

  constructor({ service, operation, name, status, message, body }: FaultFacts, options?: ErrorOptions) {
    super(message, options)
    const cause = causeOf(name, status)
    this.name = name
    this.service = service
    this.operation = operation
    this.status = status
    this.kind = cause.kind
    this.retryable = cause.kind === 'retryable'
    this.advice = cause.advice
    // Not enumerable: what prints an error prints its fields, and this one can hold a record's data (N5).
    Object.defineProperty(this, 'body', { value: body, enumerable: false })
  }
}

/** True for a fault of that name or status. */
export function isFault(error: unknown, which: string | number): error is AwsFault {
  return error instanceof AwsFault && (typeof which === 'number' ? error.status === which : error.name === which)
}

/**
 * What a sink throws for a failed request. Passes WeirError through; retryable faults become WEIR_STORE_UNAVAILABLE,
 * faults of set-up WEIR_STORE_MISCONFIGURED with the advice, and the rest WEIR_REQUEST_FAILED. `at` goes before the request's
 * name where that is not of the sink's own store: `its ledger, `.
 */
export function storeError(error: unknown, sink: string, at = ''): WeirError {
  if (!(error instanceof AwsFault)) return known(error)
  const { service, operation, name, status, message, kind, advice } = error
  const reason = `${at}${service} ${operation}: ${withCode(name, message)}`
  if (kind === 'retryable') return new WeirError('WEIR_STORE_UNAVAILABLE', { sink, reason }, { cause: error })
  if (kind === 'misconfigured')
    return new WeirError('WEIR_STORE_MISCONFIGURED', { sink, reason, advice }, { cause: error })
  // What is refused for what it holds is told by name alone: the text can quote a record (N5). The cause keeps it.
  const told = kind === 'refused' ? 'its text may quote a record and is left out' : message
  return new WeirError('WEIR_REQUEST_FAILED', { service, operation, status, name, reason: told }, { cause: error })
}
