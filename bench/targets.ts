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

/** From a topic through mapping and sandbox, the better of one and two environments. */
export const endToEndTargets: readonly {
  readonly name: string
  readonly batch: number
  readonly recordsPerSecond: number
}[] = [
  { name: 'PostgreSQL upsert', batch: 10_000, recordsPerSecond: 180_000 },
  { name: 'S3, decoded JSON (gzip)', batch: 10_000, recordsPerSecond: 220_000 },
  { name: 'S3, raw lines', batch: 10_000, recordsPerSecond: 300_000 },
  { name: 'DynamoDB typed (stub)', batch: 10_000, recordsPerSecond: 110_000 },
  { name: 'all three (stub)', batch: 10_000, recordsPerSecond: 90_000 },
  { name: 'PostgreSQL upsert', batch: 1_000, recordsPerSecond: 100_000 },
  { name: 'S3, decoded JSON (gzip)', batch: 1_000, recordsPerSecond: 60_000 },
]

export const bundleTargets: Readonly<Record<string, { readonly bytes: number; readonly loadMs: number }>> = {
  earthquakes: { bytes: 150_000, loadMs: 50 },
}
