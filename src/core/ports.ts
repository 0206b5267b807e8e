/** What the core is given instead of reaching for it: time, chance, a place for log lines. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** A number in [0, 1), for jitter only; never for a name (N2). */
export type Random = () => number

export type LogLevel = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR'

/** Structured log: fields are data, never a payload or a secret (N5). */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** How long work may still take. Source: the Lambda deadline less a margin (D10). */
export interface Deadline {
  /** Milliseconds left, not below 0. */
  remaining(): number
  /** Aborts when nothing is left. */
  readonly signal: AbortSignal
}
