/** Questions to whoever sits at the terminal, on standard error: standard output is for results. */
import { confirm, isCancel, text } from '@clack/prompts'
import { WeirError } from '../core/errors.ts'
import type { Io } from './io.ts'

const DECLINED = 'you said no'

/** Somebody can answer: both ends are a terminal, and the result is not for a program. */
function isAttended({ stdin, json }: Pick<Io, 'stdin' | 'json'>): boolean {
  return !json && process.stderr.isTTY && (stdin as { isTTY?: boolean }).isTTY === true
}

/** Throws WEIR_NOT_CONFIRMED unless somebody says yes. */
export async function requireYes(question: string, io: Io): Promise<void> {
  if (!isAttended(io)) throw new WeirError('WEIR_NOT_CONFIRMED', { reason: 'there is nobody to ask' })
  io.progress(null)
  const options = { input: io.stdin, output: process.stderr, signal: io.signal, withGuide: false }
  const answer = await confirm({ ...options, message: question, initialValue: false })
  if (isCancel(answer) || !answer) throw new WeirError('WEIR_NOT_CONFIRMED', { reason: DECLINED })
}

/** Undefined where there is nobody to ask. `fault` says what is wrong with an answer. */
export async function askText(
  question: string,
  fault: (answer: string) => string | undefined,
  io: Io,
): Promise<string | undefined> {
  if (!isAttended(io)) return undefined
  io.progress(null)
  const options = { input: io.stdin, output: process.stderr, signal: io.signal, withGuide: false }
  const answer = await text({ ...options, message: question, validate: (value) => fault(value ?? '') })
  if (isCancel(answer)) throw new WeirError('WEIR_NOT_CONFIRMED', { reason: DECLINED })
  return answer
}
