import type * as v from 'valibot'
import { WeirError } from '../core/errors.ts'
import { parseOptions } from '../core/options.ts'
import type { AnySchema } from '../core/options.ts'

/** One JSON object in an environment variable. Throws WEIR_BINDING_MISSING, WEIR_DEFINITION_INVALID. */
export function readVariable<S extends AnySchema>(
  variables: NodeJS.ProcessEnv,
  variable: string,
  schema: S,
): v.InferOutput<S> {
  const text = variables[variable]
  if (!text) throw new WeirError('WEIR_BINDING_MISSING', { what: 'object', variable })
  return parseOptions(schema, parseJson(text, variable), variable)
}

function parseJson(text: string, variable: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    // The parser's own message would quote the text, which can hold a password (N5).
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: variable, reason: 'it is no JSON' }, { cause: error })
  }
}
