import { known } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'

/** One ERROR line with code and cure, and the error that Lambda is to see: its name is the code. */
export function failureOf(thrown: unknown, log: Log, fields: Readonly<Record<string, unknown>>): Error {
  const error = known(thrown)
  const { code, message, cure, retryable } = error
  log('ERROR', message, { ...fields, code, retryable, cure })
  // Lambda's runtime client takes errorType from the name, and WeirError's is the same for all codes.
  const result = new Error(`${message} ${cure}`, { cause: error })
  result.name = code
  return result
}
