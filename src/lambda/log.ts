/** Log lines: one JSON object a line on standard output, where Lambda takes them from. */
import type { Log, LogLevel } from '../core/ports.ts'

const ranks: Readonly<Record<LogLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2, ERROR: 3 }

/** Lambda's own variable of the advanced logging controls. */
export const LOG_LEVEL_VARIABLE = 'AWS_LAMBDA_LOG_LEVEL'

/** Writes one line, newline included. */
export type Write = (line: string) => void

export interface LogOptions {
  readonly write: Write
  readonly requestId: string
  /** What LOG_LEVEL_VARIABLE holds; INFO where it holds no level. */
  readonly level: string | undefined
  readonly now: () => number
}

export function createLog({ write, requestId, level, now }: LogOptions): Log {
  const least = leastRank(level)
  return (each, message, fields = {}) => {
    if (ranks[each] < least) return
    const line = { timestamp: new Date(now()).toISOString(), level: each, message, requestId, ...fields }
    write(`${JSON.stringify(line, plain)}\n`)
  }
}

/** JSON has no big integers; a log line must not fail for one. */
function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

/** Lambda knows two more levels: TRACE shows all, FATAL hides even errors there; here they are never hidden. */
const leastRanks: Readonly<Record<string, number>> = { TRACE: ranks.DEBUG, ...ranks, FATAL: ranks.ERROR }

function leastRank(level: string | undefined): number {
  return leastRanks[level?.toUpperCase() ?? ''] ?? ranks.INFO
}
