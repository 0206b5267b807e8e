import { describe, expect, test } from 'vitest'
import { rangeChecksum, recordChecksum } from './checksum.ts'
import type { SourceRecord } from './record.ts'

const record = (
  changes: Partial<Record<'key' | 'value', string | null>> & {
    readonly offset?: number
    readonly timestamp?: number
  } = {},
): SourceRecord => ({
  topic: 't',
  partition: 0,
  offset: changes.offset ?? 0,
  timestamp: changes.timestamp ?? 1,
  timestampType: 'CREATE_TIME',
  key: bytes(changes.key === undefined ? 'k' : changes.key),
  value: bytes(changes.value === undefined ? 'v' : changes.value),
  headers: [],
})
const bytes = (text: string | null) => (text === null ? null : Buffer.from(text))

describe.each([
  ['recordChecksum', recordChecksum],
  ['rangeChecksum', (each: SourceRecord) => rangeChecksum([each])],
])('D9: %s', (_, checksum) => {
  test('D9: the same for the same', () => {
    expect(checksum(record())).toBe(checksum(record()))
  })

  test.each<[string, SourceRecord, SourceRecord]>([
    ['another value', record(), record({ value: 'w' })],
    ['another key', record(), record({ key: 'l' })],
    ['a byte moved from key to value', record({ key: 'ab', value: 'c' }), record({ key: 'a', value: 'bc' })],
    ['no key, an empty one', record({ key: null }), record({ key: '' })],
    ['no key, one that says so', record({ key: null }), record({ key: 'no key' })],
    ['a tombstone, an empty value', record({ value: null }), record({ value: '' })],
    ['a tombstone, a value that says so', record({ value: null }), record({ value: 'tombstone' })],
  ])('D9: tells %s', (name, a, b) => {
    expect(checksum(a), name).not.toBe(checksum(b))
  })
})

test('D9: a record sent again in a topic created anew has another timestamp', () => {
  expect(recordChecksum(record())).not.toBe(recordChecksum(record({ timestamp: 2 })))
  expect(recordChecksum(record({ timestamp: 1, key: '23' }))).not.toBe(
    recordChecksum(record({ timestamp: 12, key: '3' })),
  )
})

test('a range is told by its offsets, its order and its length', () => {
  const [a, b] = [record({ offset: 1 }), record({ offset: 2 })]
  const sums = [[a], [b], [a, b], [b, a], []].map(rangeChecksum)
  expect(new Set(sums).size).toBe(sums.length)
  expect(sums[0]).toMatch(/^[0-9a-f]{64}$/)
})
