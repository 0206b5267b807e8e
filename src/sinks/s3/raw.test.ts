import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sourceRecord } from '../../testing/contract-world.ts'
import type { SinkRecord } from '../sink.ts'
import { raw } from './raw.ts'

const record = (value: Buffer | null, rows: readonly unknown[] = ['a row']): SinkRecord => ({
  record: { ...sourceRecord(0), value },
  rows,
})

describe('D6: a value that would come back as two, or not at all, is refused; no other is', () => {
  test.each([
    ['raw', Buffer.from('two\nlines'), /newline/],
    ['raw', Buffer.from('ends in one\n'), /newline/],
    ['raw', null, /without a value/],
    ['raw-base64', null, /without a value/],
    ['raw-length', null, /without a value/],
  ] as const)('%s of %j', (framing, value, why) => {
    expect(raw(framing, 'none').encode(record(value))).toEqual({ fault: expect.stringMatching(why) })
  })

  test.each(['raw-base64', 'raw-length'] as const)('%s holds a newline', (framing) => {
    expect(raw(framing, 'none').encode(record(Buffer.from('two\nlines')))).toMatchObject({ rows: 1 })
  })
})

test('a record that was filtered out has no line, and one of many rows has one', () => {
  const { encode } = raw('raw', 'none')
  expect(encode(record(Buffer.from('x'), []))).toMatchObject({ rows: 0 })
  expect(encode(record(Buffer.from('x'), [1, 2, 3]))).toEqual({ part: Buffer.from('x'), rows: 1 })
})

describe('D2: any bytes come back as they were', () => {
  const readers = {
    raw: (bytes: Buffer) =>
      bytes
        .toString('latin1')
        .split('\n')
        .slice(0, -1)
        .map((each) => Buffer.from(each, 'latin1')),
    'raw-base64': (bytes: Buffer) =>
      bytes
        .toString()
        .split('\n')
        .slice(0, -1)
        .map((each) => Buffer.from(each, 'base64')),
    'raw-length': (bytes: Buffer) => {
      const values: Buffer[] = []
      for (let at = 0; at < bytes.length; at += 4 + values.at(-1)!.length)
        values.push(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at)))
      return values
    },
  }
  const inflate = { none: (bytes: Buffer) => bytes, gzip: gunzipSync, zstd: zstdDecompressSync }

  test.each(
    (['raw', 'raw-base64', 'raw-length'] as const).flatMap((framing) =>
      (['none', 'gzip', 'zstd'] as const).map((compress) => [framing, compress] as const),
    ),
  )('%s, %s', async (framing, compress) => {
    const codec = raw(framing, compress)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array(), { maxLength: 20 }), async (values) => {
        const parts = values.map((value) => codec.encode(record(Buffer.from(value))))
        const kept = values.filter((_, i) => !('fault' in parts[i]!))
        const held = parts.flatMap((part) => ('fault' in part ? [] : [part.part]))
        const bytes = await codec.object(held)
        expect(bytes.equals(await codec.object(held))).toBe(true)
        expect(readers[framing](inflate[compress](bytes))).toEqual(kept.map((value) => Buffer.from(value)))
        expect(framing === 'raw' || kept.length === values.length).toBe(true)
      }),
      { numRuns: 50 },
    )
  })
})

test.each([
  ['raw', 'none', 'application/octet-stream'],
  ['raw-base64', 'none', 'text/plain'],
  ['raw-length', 'gzip', 'application/gzip'],
] as const)('%s, %s is %s', (framing, compress, type) => {
  expect(raw(framing, compress).contentType).toBe(type)
})
