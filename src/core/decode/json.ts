import { isAscii, isUtf8 } from 'node:buffer'
import { messageOf } from '../errors.ts'
import type { Decoded, Decoder, Schema } from './decoder.ts'

const SHOWN_ISSUES = 3

/**
 * JSON to a value, and where a schema is given, validated by it. Any Standard Schema validator fits (valibot, zod, ...).
 * Poison: WEIR_DECODE where it is no JSON in UTF-8, WEIR_VALIDATE where it does not fit.
 */
export function json<T = unknown>(schema?: Schema<T>): Decoder<T> {
  return {
    name: 'json',
    decode({ value }) {
      // ASCII, the most common by far, is read faster as Latin-1, of which it is a part.
      const encoding = isAscii(value!) ? 'latin1' : 'utf8'
      if (encoding === 'utf8' && !isUtf8(value!))
        return { poison: { stage: 'decode', code: 'WEIR_DECODE', text: 'not valid UTF-8' } }
      let parsed: unknown
      try {
        parsed = JSON.parse(value!.toString(encoding))
      } catch {
        // V8's message quotes the payload, which must not reach a log (N5).
        return { poison: { stage: 'decode', code: 'WEIR_DECODE', text: 'not valid JSON' } }
      }
      return schema ? validate(schema, parsed) : { value: parsed as T }
    },
  }
}

function validate<T>(schema: Schema<T>, value: unknown): Decoded<T> | Promise<Decoded<T>> {
  try {
    const result = schema['~standard'].validate(value)
    return result instanceof Promise ? result.then(outcome, refused<T>) : outcome(result)
  } catch (error) {
    return refused(error)
  }
}

type ValidationResult<T> = Awaited<ReturnType<Schema<T>['~standard']['validate']>>

function outcome<T>(result: ValidationResult<T>): Decoded<T> {
  if (!result.issues) return { value: result.value }
  const shown = result.issues.slice(0, SHOWN_ISSUES).map(({ message, path }) => {
    const at = path?.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
    return at ? `${at}: ${message}` : message
  })
  const more = result.issues.length - shown.length
  if (more > 0) shown.push(`and ${more} more`)
  return { poison: { stage: 'validate', code: 'WEIR_VALIDATE', text: shown.join('; ') } }
}

function refused<T>(error: unknown): Decoded<T> {
  return { poison: { stage: 'validate', code: 'WEIR_VALIDATE', text: `the schema threw: ${messageOf(error)}` } }
}
