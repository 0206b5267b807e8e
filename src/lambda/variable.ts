import { WeirError } from '../core/errors.ts'
import { parseShape } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'

/** One JSON object in an environment variable. Throws WEIR_BINDING_MISSING, WEIR_DEFINITION_INVALID. */
export function readVariable<T>(variables: NodeJS.ProcessEnv, variable: string, shape: Shape<T>): T {
  const text = variables[variable]
  if (!text) throw new WeirError('WEIR_BINDING_MISSING', { what: 'object', variable })
  return parseShape(shape, parseJson(text, variable), variable)
}

function parseJson(text: string, variable: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    // The parser's own message would quote the text, which can hold a password (N5).
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: variable, reason: 'it is no JSON' }, { cause: error })
  }
}
