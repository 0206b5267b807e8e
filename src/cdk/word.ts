import { createHash } from 'node:crypto'

const SUM_DIGITS = 6

/**
 * A name as a word of letters and digits, for ids: `demo` becomes Demo, `by-region` ByRegion and a few digits, without which
 * names that differ in other characters alone would become the same word.
 */
export function wordOf(name: string): string {
  const parts = name.split(/[^a-zA-Z0-9]+/)
  const word = parts.map((part) => part.slice(0, 1).toUpperCase() + part.slice(1)).join('')
  if (/^[a-z0-9]+$/.test(name)) return word
  return word + createHash('sha256').update(name).digest('hex').slice(0, SUM_DIGITS)
}
