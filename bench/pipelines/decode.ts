/** Decode and transform alone: the sink counts rows and keeps none. */
import type { Pipeline } from 'weirhouse'
import { benchPipeline } from './sinks.ts'

type Sink = Pipeline['sinks'][number]
type Writer = Awaited<ReturnType<Sink['open']>>

const writer: Writer = {
  prepare: (ranges) => ({
    refusals: [],
    write: () =>
      Promise.resolve({
        ranges: ranges.map(({ source, records }) => ({
          source,
          first: records[0]!.record.offset,
          last: records.at(-1)!.record.offset,
          rows: records.reduce((sum, { rows }) => sum + rows.length, 0),
          duplicates: 0,
          refused: 0,
          gaps: 0,
        })),
      }),
  }),
  close: () => Promise.resolve(),
}
const none: Sink = { kind: 'memory', id: 'none', options: {}, grants: [], open: () => Promise.resolve(writer) }

export default benchPipeline('decode', [none])
