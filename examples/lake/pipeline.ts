/** One topic into three S3 sinks: typed columns by region and day, whatever came in its own bytes, and JSON for everybody else. */
import { json, pipeline } from 'weirhouse'
import { s3 } from 'weirhouse/sinks/s3'
import { parquet } from 'weirhouse/sinks/s3/parquet'

interface Sale {
  readonly id: string
  readonly region: string
  /** Cents, as text: they may be beyond what a double holds. */
  readonly cents: string
  readonly at: string
  readonly cart: readonly unknown[]
}

export default pipeline({
  name: 'lake',
  source: { topic: 'sales', batch: { records: 10_000, windowSeconds: 60 } },
  decode: json<Sale>(),
  sinks: [
    s3({
      id: 'typed',
      format: parquet,
      columns: { id: 'string not null', cents: 'int64', at: 'timestamp', cart: 'json' },
      compress: 'zstd',
      partition: ({ region, at }: Sale) => ({ region, day: at.slice(0, 10) }),
    }),
    s3({ id: 'archive', format: 'raw-base64', date: true }),
    s3({ id: 'lines' }),
  ],
})
