/** What is explored of the S3 protocol: a log, who carries it, the bug put into the world, and what the machine knows of its range. */
import type { SourceRecord } from '../../src/core/record.ts'
import type { RangeInput } from '../../src/sinks/s3/protocol.ts'

/** A bug put into the world, to see the explorer find it. */
export type Plant =
  | 'no void'
  | 'no generation'
  | 'no compare-and-set'
  | 'no settle'
  | 'no look'
  | 'no condition'
  /** The first offset alone: the generation would tell the claims of one offset apart as well. */
  | 'key without end'
  /** A claim from what a warm environment knew passes without a look at what the ledger says. */
  | 'cache believed'
  // of claims with several keys
  | 'ahead forgotten'
  | 'ahead not compared'
  | 'only the first key looked at'
  | 'only the first key written'
  | 'one void key counts for all'
  | 'one written key counts for all'
  | 'one refill for all'

export interface Scenario {
  readonly records: number
  readonly invocations: number
  /** How many records the mapping may give up on. */
  readonly skips: number
  /** Offsets that compaction may take out of the log at any time: later deliveries lack them. */
  readonly compactable?: readonly number[]
  /** Offsets whose records have no rows. */
  readonly rowless?: readonly number[]
  /** By offset, the output partitions that its rows are in; one for all where not given. */
  readonly outputs?: readonly (readonly string[])[]
  /** So many records were delivered before, in peace; invocations may run where earlier ones did, and know what those knew last. */
  readonly warm?: number
  readonly plant?: Plant
}

export type Inputs = (offsets: readonly number[]) => RangeInput

export function rangeInputs(scenario: Scenario): Inputs {
  const { records, plant } = scenario
  const log = span(0, records - 1).map(recordAt)
  const cache = new Map<string, RangeInput>()
  return (offsets) => {
    const name = offsets.join()
    const known = cache.get(name)
    if (known) return known
    const within = (first: number, last: number) => offsets.filter((offset) => offset >= first && offset <= last)
    const input: RangeInput = {
      pipeline: 'p',
      sink: 's',
      records: offsets.map((offset) => log[offset]!),
      keyOf: (output, first, last, _epoch, generation) => {
        if (plant === 'key without end') return `${output}${first}`
        return `${output}${first}-${last}${plant === 'no generation' ? '' : `~${generation}`}`
      },
      outputs: (first, last, ahead) => {
        const some = within(first, last).flatMap((offset) =>
          outputsAt(scenario, offset).filter(
            (output) => plant === 'ahead not compared' || offset >= (ahead?.[output] ?? 0),
          ),
        )
        return [...new Set(some)].sort()
      },
      checksum: (first, last) => within(first, last).join(),
    }
    cache.set(name, input)
    return input
  }
}

export function outputsAt({ outputs, rowless = [] }: Scenario, offset: number): readonly string[] {
  if (rowless.includes(offset)) return []
  return outputs ? outputs[offset]! : ['']
}

function recordAt(offset: number): SourceRecord {
  const value = Buffer.from(String(offset))
  return { topic: 't', partition: 0, offset, timestamp: 0, timestampType: 'CREATE_TIME', key: null, value, headers: [] }
}

export function span(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
