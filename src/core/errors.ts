import { errorTable } from './error-table.ts'
import type { ErrorEntry, LETTER_CODES } from './error-table.ts'

export type ErrorCode = keyof typeof errorTable
export type ThrownCode = Exclude<ErrorCode, (typeof LETTER_CODES)[number]>
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | undefined>>

/** An error with a code from the table, what happened, and what to do about it. */
export class WeirError extends Error {
  override readonly name = 'WeirError'
  declare readonly code: ThrownCode
  declare readonly retryable: boolean
  declare readonly cure: string
  declare readonly details: ErrorDetails

  constructor(code: ThrownCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const entry: ErrorEntry = errorTable[code]
    super(fill(entry.message, details), options)
    this.code = code
    this.retryable = entry.retryable ?? false
    this.cure = fill(entry.cure, details)
    this.details = details
  }

  /** One line: code, what happened, what to do. */
  toLine(): string {
    return `${this.code}: ${this.message} ${this.cure}`.replaceAll(/\s+/g, ' ').replaceAll(CONTROL, visible).trim()
  }
}

/** The error itself where it is one of the table, else WEIR_UNEXPECTED. */
export function known(error: unknown): WeirError {
  if (error instanceof WeirError) return error
  return new WeirError('WEIR_UNEXPECTED', { reason: messageOf(error) }, { cause: error })
}

/** The error of another process in that one's words, message and cure in one, as a Lambda function's error carries them. */
export function retold(code: ThrownCode, text: string): WeirError {
  return Object.assign(new WeirError(code), { message: text, cure: '' })
}

/** What others wrote may be quoted in a reason, and must not steer the terminal. */
const CONTROL = /[\p{Cc}\p{Cf}]/gu

function visible(char: string): string {
  return `\\u{${char.codePointAt(0)!.toString(16)}}`
}

function fill(template: string, details: ErrorDetails): string {
  return template.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? 'unknown'))
}

/** `code: text`, or the text alone where it says the code: "connect ECONNREFUSED 127.0.0.1:5432". */
export function withCode(code: string, text: string): string {
  return text.includes(code) ? text : `${code}: ${text}`
}

/** An error with a code as Node's own have one. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** The text of any thrown thing, without assuming that it is an Error. Never throws. */
export function messageOf(error: unknown): string {
  try {
    if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
    return String(error instanceof Error ? error.message : error)
  } catch {
    return 'something that has no text was thrown' // an object without a prototype, a message that itself throws
  }
}
