/**
 * JSON that every store holds exactly. S3 keeps JSON text; PostgreSQL's jsonb refuses \u0000 and lone surrogates;
 * JavaScript keeps numbers as doubles and the last of repeated keys; DynamoDB has 38 digits, 1e-130 to 9.99e125,
 * 32 levels with the item itself, no -0, and no empty or over-long attribute names. What falls outside is not JSON here: the caller keeps it as text.
 */
import { MAX_NESTING } from '../limits.ts'

/** The item itself is the first of DynamoDB's levels. */
const MAX_DEPTH = MAX_NESTING - 1
const NUMBER_MIN = 1e-130
const NUMBER_LIMIT = 1e126
/** DynamoDB: attribute names up to 64 KB. */
const MAX_NAME_BYTES = 65_535

export type ExactJson = { readonly exact: true; readonly value: unknown } | { readonly exact: false }

const inexact: ExactJson = { exact: false }

/** Parses `text` if it is JSON that every store holds exactly. */
export function exactJson(text: string): ExactJson {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return inexact // not JSON at all: an answer, not an error
  }
  if (depthOf(value, 0) > MAX_DEPTH) return inexact
  return isCanonical(text, value) || scan(text) ? { exact: true, value } : inexact
}

/** Containers around the deepest value: 0 for a scalar. Stops counting just past the limit. */
function depthOf(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return depth
  if (depth >= MAX_DEPTH) return depth + 1
  let deepest = depth + 1
  for (const inner of Array.isArray(value) ? value : Object.values(value)) {
    const found = depthOf(inner, depth + 1)
    if (found > deepest) deepest = found
  }
  return deepest
}

/**
 * The quick yes: text that JavaScript itself would have written has no repeated key, no lossy number, no -0; what is left
 * to look for are escapes, exponents, empty and long names. "No" means only: look closer.
 */
function isCanonical(text: string, value: unknown): boolean {
  if (text.length > MAX_NAME_BYTES / 3) return false
  return !/\\u|\de[+-]|"":/.test(text) && JSON.stringify(value) === text
}

/** Walks text known to be JSON, token by token. */
function scan(text: string): boolean {
  const names: (Set<string> | undefined)[] = []
  let at = 0
  while (at < text.length) {
    const char = text[at]!
    if (char === '"') {
      const end = stringEnd(text, at)
      const content = JSON.parse(text.slice(at, end)) as string
      if (!content.isWellFormed() || content.includes('\0')) return false
      at = end
      if (!nameFits(text, at, content, names.at(-1))) return false
    } else if (char === '-' || (char >= '0' && char <= '9')) {
      const end = numberEnd(text, at)
      if (!numberSurvives(text.slice(at, end))) return false
      at = end
    } else {
      if (char === '{') names.push(new Set())
      else if (char === '[') names.push(undefined)
      else if (char === '}' || char === ']') names.pop()
      at++
    }
  }
  return true
}

/** True unless this string is a name that repeats, is empty or is too long. */
function nameFits(text: string, end: number, content: string, seen: Set<string> | undefined): boolean {
  if (!seen || nextChar(text, end) !== ':') return true
  if (content === '' || seen.has(content) || Buffer.byteLength(content) > MAX_NAME_BYTES) return false
  seen.add(content)
  return true
}

function nextChar(text: string, at: number): string | undefined {
  while (' \t\r\n'.includes(text[at] ?? 'x')) at++
  return text[at]
}

function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

function numberEnd(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && '0123456789.eE+-'.includes(text[at]!)) at++
  return at
}

/** True when the double nearest to this number prints as the same decimal, and DynamoDB's range holds it. */
export function numberSurvives(source: string): boolean {
  const value = Number(source)
  if (Object.is(value, -0)) return false
  if (value !== 0 && (Math.abs(value) < NUMBER_MIN || Math.abs(value) >= NUMBER_LIMIT)) return false
  return canonical(source) === canonical(String(value))
}

/** sign, digits without leading and trailing zeros, power of ten: equal exactly when the numbers are. */
function canonical(source: string): string {
  const [, sign, whole, fraction = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(source)!
  const digits = (whole! + fraction).replace(/^0+/, '')
  const trimmed = digits.replace(/0+$/, '')
  if (trimmed === '') return '0'
  return `${sign}${trimmed}e${Number(power) - fraction.length + (digits.length - trimmed.length)}`
}
