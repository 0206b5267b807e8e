/** What was set out to be reached on such a machine (two cores, servers and all), beside which the page puts what was measured. */
export interface SpeedTarget {
  readonly recordsPerSecond: number
  /** Of the handler's process, a record. */
  readonly cpuMicroseconds?: number
  /** Share of what the store takes at most. */
  readonly ofCeiling?: number
}

/** The handler in memory, one process, 10,000 records of 66 bytes an event, by combination. */
export const handlerTargets: Readonly<Record<string, SpeedTarget>> = {
  'decode and transform': { recordsPerSecond: 350_000 },
  'PostgreSQL upsert': { recordsPerSecond: 150_000, cpuMicroseconds: 4, ofCeiling: 0.75 },
  'S3, decoded JSON (gzip)': { recordsPerSecond: 180_000, cpuMicroseconds: 5 },
  'S3, raw lines': { recordsPerSecond: 350_000, cpuMicroseconds: 3 },
  'DynamoDB typed (stub)': { recordsPerSecond: 110_000, cpuMicroseconds: 9 },
  'all three (stub)': { recordsPerSecond: 90_000, cpuMicroseconds: 12 },
}

/** S3 + PostgreSQL at 100 records an event. */
export const P50_TARGET_MS = 10
