/**
 * Options are declared once, as schemas with a text and a unit: validation, the reference pages and the CLI's help come
 * from that. Unknown keys are refused (use v.strictObject).
 */
import * as v from 'valibot'
import { WeirError } from './errors.ts'

export type AnySchema = v.BaseSchema<unknown, unknown, v.BaseIssue<unknown>>

/** Adds the text, and the unit where it has one, that the reference page prints for an option. */
export function describe<S extends AnySchema>(schema: S, text: string, unit?: string) {
  return v.pipe(schema, v.metadata({ text, ...(unit === undefined ? {} : { unit }) }))
}

/** Validates; throws WEIR_DEFINITION_INVALID that names every fault by its path. */
export function parseOptions<S extends AnySchema>(schema: S, input: unknown, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, input)
  if (result.success) return result.output
  const faults = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'value'}: ${reasonOf(issue)}`)
  throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason: faults.join('; ') })
}

function reasonOf(issue: v.BaseIssue<unknown>): string {
  if (issue.expected === 'never') return 'there is no such option'
  return issue.message.replace(/^Invalid (\w+): /, '')
}
