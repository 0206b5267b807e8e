/** json and jsonb. Pure. Only where a column is of these. */
import { messageOf } from '../../core/errors.ts'
import { putText } from './arena.ts'
import type { Encode } from './encode.ts'
import { expected } from './expected.ts'

/** JSON text; jsonb has its version, 1, before it. The value is what the text says: a string becomes a JSON string. */
export function encodeJson(prefix: string): Encode {
  return (out, value) => {
    let text: string | undefined
    try {
      text = JSON.stringify(value)
    } catch (error) {
      return `no JSON: ${messageOf(error)}` // the reason goes to the record's dead letter
    }
    if (text === undefined) return expected('a JSON value', value)
    const escapes = text.includes('\\u')
    if (escapes && NUL_ESCAPE.test(text)) return 'JSON text that holds NUL'
    if (escapes && SURROGATE_ESCAPE.test(text)) return 'JSON text that holds a lone surrogate'
    if (text.includes('null') && holdsNonFinite(value)) return 'JSON has no NaN and no Infinity'
    putText(out, prefix + text)
    return undefined
  }
}

/** An escape is one after an even number of backslashes. JSON.stringify escapes surrogates only where they are alone. */
const NUL_ESCAPE = /(?<!\\)(?:\\\\)*\\u0000/
const SURROGATE_ESCAPE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

function holdsNonFinite(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.values(value).some(holdsNonFinite)
}
