import { isUtf8 } from 'node:buffer'
import type { SourceRecord } from '../record.ts'
import type { Decoder } from './decoder.ts'
import { exactJson } from './exact-json.ts'

/** What `any()` makes of a value: nothing is ever altered, and nothing is ever poison. */
export type AnyValue =
  /** JSON that every store holds exactly, parsed. */
  | { readonly kind: 'json'; readonly value: unknown }
  /** UTF-8 without NUL; JSON that some store could not hold exactly stays text. */
  | { readonly kind: 'text'; readonly value: string }
  /** Everything else, in base64. */
  | { readonly kind: 'binary'; readonly value: string }
  | { readonly kind: 'empty'; readonly value: '' }

const NUL = 0

/** Takes any message: JSON as JSON, text as text, the rest in base64. */
export function any(): Decoder<AnyValue> {
  return { name: 'any', decode: ({ value }) => ({ value: classify(value!) }) }
}

function classify(value: Buffer): AnyValue {
  if (value.length === 0) return { kind: 'empty', value: '' }
  if (!isUtf8(value) || value.includes(NUL)) return { kind: 'binary', value: value.toString('base64') }
  const text = value.toString('utf8')
  const parsed = exactJson(text)
  return parsed.exact ? { kind: 'json', value: parsed.value } : { kind: 'text', value: text }
}

const BASE64_MARK = 'base64:'

/**
 * A record's key as text that no two keys share: null without a key; UTF-8 without NUL as it is; the rest as `base64:` and
 * base64, and so is text that itself begins with that mark.
 */
export function keyText({ key }: Pick<SourceRecord, 'key'>): string | null {
  if (key === null) return null
  if (isUtf8(key) && !key.includes(NUL)) {
    const text = key.toString('utf8')
    if (!text.startsWith(BASE64_MARK)) return text
  }
  return BASE64_MARK + key.toString('base64')
}
