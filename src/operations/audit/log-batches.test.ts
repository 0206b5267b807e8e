import type { RecordsBatch } from '@platformatic/kafka'
import { describe, expect, test } from 'vitest'
import { readBatches } from './log-batches.ts'
import type { StoredBatches } from './log-batches.ts'

const TRANSACTIONAL = 0x10
const CONTROL = 0x20

/** A batch whose records stand at these offsets; it claims `first` to `last`. */
function batch(
  first: number,
  last: number,
  offsets: readonly number[],
  more: Partial<RecordsBatch> = {},
): RecordsBatch {
  return {
    firstOffset: BigInt(first),
    lastOffsetDelta: last - first,
    attributes: 0,
    firstTimestamp: 1000n,
    maxTimestamp: 2000n,
    producerId: -1n,
    records: offsets.map((offset) => ({
      length: 0,
      attributes: 0,
      timestampDelta: BigInt(offset),
      offsetDelta: offset - first,
      key: null,
      value: Buffer.from(String(offset)),
      headers: [],
    })),
    length: 0,
    partitionLeaderEpoch: 0,
    magic: 2,
    crc: 0,
    producerEpoch: 0,
    firstSequence: 0,
    ...more,
  }
}

function marker(offset: number, producerId: bigint, kind: 'abort' | 'commit'): RecordsBatch {
  const made = batch(offset, offset, [offset], { attributes: TRANSACTIONAL | CONTROL, producerId })
  made.records[0]!.key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1])
  return made
}

function read(batches: readonly RecordsBatch[], more: Partial<StoredBatches> = {}) {
  const { records, gaps, next } = readBatches({
    topic: 't',
    partition: 0,
    from: 0,
    to: 100,
    batches,
    aborted: [],
    between: 'unexplained',
    ...more,
  })
  return {
    offsets: records.map(({ offset }) => offset),
    gaps: gaps.map(({ first, last, why }) => `${first}-${last} ${why}`),
    next,
  }
}

const inTransaction = (producerId: bigint) => ({ attributes: TRANSACTIONAL, producerId })

describe('offsets without a record, told from the batches', () => {
  test('none where there is none', () => {
    expect(read([batch(0, 2, [0, 1, 2]), batch(3, 4, [3, 4])])).toEqual({ offsets: [0, 1, 2, 3, 4], gaps: [], next: 5 })
  })

  test('D14: markers, and records of an aborted transaction that another one crosses', () => {
    const batches = [
      batch(0, 1, [0, 1], inTransaction(7n)),
      batch(2, 3, [2, 3], inTransaction(8n)),
      marker(4, 8n, 'commit'),
      batch(5, 5, [5], inTransaction(7n)),
      marker(6, 7n, 'abort'),
      batch(7, 7, [7], inTransaction(7n)),
      marker(8, 7n, 'commit'),
    ]
    expect(read(batches, { aborted: [{ producerId: 7n, firstOffset: 0n }] })).toEqual({
      offsets: [2, 3, 7],
      gaps: ['0-1 aborted', '4-4 marker', '5-5 aborted', '6-6 marker', '8-8 marker'],
      next: 9,
    })
  })

  test('D14: two aborted transactions of one producer, the first from before what was asked for', () => {
    const aborted = [
      { producerId: 7n, firstOffset: 8n },
      { producerId: 7n, firstOffset: 2n },
    ]
    const batches = [
      batch(4, 5, [4, 5], inTransaction(7n)),
      marker(6, 7n, 'abort'),
      batch(7, 7, [7]),
      batch(8, 8, [8], inTransaction(7n)),
      marker(9, 7n, 'abort'),
    ]
    expect(read(batches, { from: 5, aborted })).toEqual({
      offsets: [7],
      gaps: ['5-5 aborted', '6-6 marker', '8-8 aborted', '9-9 marker'],
      next: 10,
    })
  })

  test('D14: what compaction took out of a batch, at its end too, whatever the policy says now', () => {
    expect(read([batch(0, 9, [2, 3, 7])])).toEqual({
      offsets: [2, 3, 7],
      gaps: ['0-1 compaction', '4-6 compaction', '8-9 compaction'],
      next: 10,
    })
  })

  test.each(['compaction', 'unknown', 'unexplained'] as const)('D14: whole batches that are gone: %s', (between) => {
    const batches = [batch(3, 3, [3]), batch(8, 8, [8])]
    expect(read(batches, { between })).toEqual({ offsets: [3, 8], gaps: [`0-2 ${between}`, `4-7 ${between}`], next: 9 })
  })

  test('neither below what was asked for nor beyond it', () => {
    expect(read([batch(0, 4, [0, 1, 2, 3, 4]), batch(9, 9, [9])], { from: 2, to: 4 })).toEqual({
      offsets: [2, 3],
      gaps: [],
      next: 4,
    })
  })
})
