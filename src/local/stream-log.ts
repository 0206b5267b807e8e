import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../core/ports.ts'

/** A stream beside those of the function itself, so that `weirhouse logs` shows all of them in order. */
export function streamLog(folder: string, stream: string): Log {
  mkdirSync(folder, { recursive: true })
  return (level, message, fields = {}) => {
    const timestamp = Date.now()
    const line = JSON.stringify({ timestamp: new Date(timestamp).toISOString(), level, message, ...fields })
    appendFileSync(join(folder, `${stream}.log`), `${JSON.stringify({ timestamp, message: line })}\n`)
  }
}
