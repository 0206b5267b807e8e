import type { RecordsBatch } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { decodeBatches, type AbortedTransaction } from './batches.ts'
import type { Isolation } from './client.ts'

const TRANSACTIONAL = 1 << 4
const CONTROL = 1 << 5
const LOG_APPEND_TIME = 1 << 3

interface Sketch {
  readonly first: number
  readonly deltas?: readonly number[]
  readonly last?: number
  readonly attributes?: number
  readonly producer?: number
  readonly marker?: 'commit' | 'abort' | 'compacted'
}

function batch({ first, deltas = [0], last, attributes = 0, producer = -1, marker }: Sketch): RecordsBatch {
  const key = marker ? Buffer.from([0, 0, 0, marker === 'commit' ? 1 : 0]) : Buffer.from('k')
  const offsets = marker === 'compacted' ? [] : deltas
  return {
    firstOffset: BigInt(first),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    attributes: marker ? attributes | CONTROL | TRANSACTIONAL : attributes,
    lastOffsetDelta: last ?? Math.max(0, ...deltas),
    firstTimestamp: 1000n,
    maxTimestamp: 2000n,
    producerId: BigInt(producer),
    producerEpoch: 0,
    firstSequence: 0,
    records: offsets.map((offsetDelta) => ({
      length: 0,
      attributes: 0,
      timestampDelta: 5n,
      offsetDelta,
      key,
      value: Buffer.from('v'),
      headers: [],
    })),
  }
}

const tx = (first: number, producer: number, deltas: readonly number[] = [0]) =>
  batch({ first, producer, deltas, attributes: TRANSACTIONAL })
const end = (first: number, producer: number, marker: 'commit' | 'abort' | 'compacted') =>
  batch({ first, producer, marker })
const abort = (producer: number, firstOffset: number): AbortedTransaction => ({
  producerId: BigInt(producer),
  firstOffset: BigInt(firstOffset),
})

function decode(
  batches: RecordsBatch[],
  aborted: AbortedTransaction[] = [],
  from = 0,
  isolation: Isolation = 'read_committed',
) {
  const { records, next } = decodeBatches({ topic: 't', partition: 0, from, isolation, batches, aborted })
  return { offsets: records.map(({ offset }) => offset), next, records }
}

interface Case {
  readonly what: string
  readonly batches: RecordsBatch[]
  readonly aborted?: AbortedTransaction[]
  readonly from?: number
  readonly isolation?: Isolation
  readonly offsets: number[]
  readonly next: number
}

const cases: Case[] = [
  { what: 'nothing', batches: [], from: 7, offsets: [], next: 7 },
  {
    what: 'a batch that begins below the offset asked for',
    batches: [batch({ first: 0, deltas: [0, 1, 2] })],
    from: 2,
    offsets: [2],
    next: 3,
  },
  {
    what: 'a compacted batch: gaps inside and at its end',
    batches: [batch({ first: 0, deltas: [1, 3], last: 9 })],
    offsets: [1, 3],
    next: 10,
  },
  {
    what: 'a batch that compaction emptied',
    batches: [batch({ first: 0, deltas: [], last: 4 })],
    offsets: [],
    next: 5,
  },
  { what: 'a committed transaction', batches: [tx(0, 1, [0, 1]), end(2, 1, 'commit')], offsets: [0, 1], next: 3 },
  {
    what: 'an aborted transaction',
    batches: [tx(0, 1, [0, 1]), end(2, 1, 'abort')],
    aborted: [abort(1, 0)],
    offsets: [],
    next: 3,
  },
  {
    what: 'two aborted transactions of one producer',
    batches: [tx(0, 1), end(1, 1, 'abort'), tx(2, 1), end(3, 1, 'abort'), tx(4, 1), end(5, 1, 'commit')],
    aborted: [abort(1, 0), abort(1, 2)],
    offsets: [4],
    next: 6,
  },
  {
    what: 'an aborted transaction whose marker lies beyond the response',
    batches: [tx(0, 1), tx(1, 1)],
    aborted: [abort(1, 0)],
    offsets: [],
    next: 2,
  },
  {
    what: 'an aborted transaction among committed ones and plain records',
    batches: [tx(0, 1), tx(1, 2), batch({ first: 2 }), end(3, 2, 'abort'), end(4, 1, 'commit'), batch({ first: 5 })],
    aborted: [abort(2, 1)],
    offsets: [0, 2, 5],
    next: 6,
  },
  {
    what: 'a plain record of a producer that is aborting',
    batches: [tx(0, 1), batch({ first: 1, producer: 1 }), end(2, 1, 'abort')],
    aborted: [abort(1, 0)],
    offsets: [1],
    next: 3,
  },
  {
    what: 'a marker that compaction emptied',
    batches: [batch({ first: 0 }), end(1, 1, 'compacted')],
    offsets: [0],
    next: 2,
  },
  {
    what: 'read_uncommitted: aborted records, but no markers',
    batches: [tx(0, 1), end(1, 1, 'abort')],
    aborted: [abort(1, 0)],
    isolation: 'read_uncommitted',
    offsets: [0],
    next: 2,
  },
]

describe('E27: markers, aborted records and compacted gaps', () => {
  test.each(cases)('$what', ({ batches, aborted, from, isolation, offsets, next }) => {
    const got = decode(batches, aborted, from, isolation)
    expect({ offsets: got.offsets, next: got.next }).toEqual({ offsets, next })
  })
})

describe('E2: timestamps', () => {
  test('of the producer', () => {
    expect(decode([batch({ first: 0 })]).records[0]).toMatchObject({ timestamp: 1005, timestampType: 'CREATE_TIME' })
  })
  test('of the broker: one for the whole batch', () => {
    const [record] = decode([batch({ first: 0, attributes: LOG_APPEND_TIME })]).records
    expect(record).toMatchObject({ timestamp: 2000, timestampType: 'LOG_APPEND_TIME' })
  })
})
