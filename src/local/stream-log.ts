/** Log streams of what is not the functions' own: the event source mappings, and the stack. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../core/ports.ts'

/** What the stack says of a function stands in this stream of it ... */
export const STACK_STREAM = 'stack'
/** ... and what it says of no function, in this folder. */
export const STACK_FOLDER = 'weirhouse'

export interface StreamLogOptions {
  /** Folder of the functions' log streams. */
  readonly logs: string
  readonly function: string
  readonly stream: string
}

/** A stream beside those of a function, so that `weirhouse logs` shows both in order. */
export function openStreamLog({ logs, function: name, stream }: StreamLogOptions): Log {
  const folder = join(logs, name)
  mkdirSync(folder, { recursive: true })
  return (level, message, fields = {}) => {
    const timestamp = Date.now()
    const line = JSON.stringify({ timestamp: new Date(timestamp).toISOString(), level, message, ...fields })
    appendFileSync(join(folder, `${stream}.log`), `${JSON.stringify({ timestamp, message: line })}\n`)
  }
}

export function openStackLog(logs: string, name: string): Log {
  return openStreamLog({ logs, function: name, stream: STACK_STREAM })
}
