/** What the step machine knows of a range: keys, output partitions, checksums. */
import { rangeChecksum } from '../../core/checksum.ts'
import type { SourceRecord } from '../../core/record.ts'
import { lowerBound } from '../../core/watermark.ts'
import type { Gap } from '../../core/watermark.ts'
import { startOf } from './claim.ts'
import { dataPrefix, objectKey } from './keys.ts'
import type { EncodedRange } from './encode.ts'
import type { LeftOut, RangeInput } from './protocol.ts'
import type { Job } from './writer.ts'

/** @param places of the part's records in the range, `to` exclusive */
export function rangeInput(job: Job, { from, to }: { readonly from: number; readonly to: number }): RangeInput {
  const { options, binding, context, range } = job
  const { source } = range
  const records = range.records.slice(from, to).map(({ record }) => record)
  const folder = dataPrefix(binding.prefix, context.pipeline, options.id, source.topic)
  const sums = new Map<string, string>()
  return {
    pipeline: context.pipeline,
    sink: options.id,
    records,
    keyOf: (output, first, last, epoch, generation) => {
      const { timestamp } = records[lowerBound(records, first)] ?? records.at(-1)!
      const parts = { partition: source.partition, first, last, timestamp, epoch, generation, output }
      return objectKey(folder, parts, options)
    },
    outputs: (first, last, ahead, without) => {
      const within = indexes(records, { first, last })
      return dueOf(job, without).outputs(from + within.from, from + within.to, (output) =>
        ahead ? from + lowerBound(records, startOf(output, first, ahead)) : 0,
      )
    },
    checksum: (first, last) => {
      const name = `${first}-${last}`
      const known = sums.get(name)
      if (known !== undefined) return known
      const within = indexes(records, { first, last })
      const sum = rangeChecksum(records.slice(within.from, within.to))
      sums.set(name, sum)
      return sum
    },
  }
}

/** The range without the rows of records that are left out. */
export function dueOf({ range, encoded }: Pick<Job, 'range' | 'encoded'>, without: LeftOut): EncodedRange {
  return without ? encoded.without((place) => without.has(range.records[place]!.record.offset)) : encoded
}

/** Places of first..last among the records, the second one exclusive. */
export function indexes(records: readonly SourceRecord[], { first, last }: Gap): { from: number; to: number } {
  return { from: lowerBound(records, first), to: lowerBound(records, last + 1) }
}
