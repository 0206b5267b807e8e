/** What lies in the bucket: readable by others, the same bytes each time, of any size that an event can have. */
import { execFileSync } from 'node:child_process'
import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { rangeChecksum } from '../../src/core/checksum.ts'
import { MIB } from '../../src/core/limits.ts'
import { parseKey } from '../../src/sinks/s3/index.ts'
import type { SinkRange } from '../../src/sinks/sink.ts'
import { contractRow, deliverTo, invocation, range, span } from '../../src/testing/contract-world.ts'
import { PIPELINE, s3World, SINK } from './s3-world.ts'

const READ_GZIP = `
import gzip, json, sys
rows = [json.loads(line) for line in gzip.decompress(sys.stdin.buffer.read()).decode().splitlines()]
print(json.dumps([len(rows), rows[-1]]))`

test("D2: Python's gzip and json read an object", async () => {
  const world = await s3World()
  await deliverTo(world.open(), [range(span(0, 99))])
  const [object] = await world.stored()
  const said = execFileSync('python3', ['-c', READ_GZIP], { input: object!.bytes, encoding: 'utf8' })
  expect(JSON.parse(said)).toEqual([100, contractRow(99)])
})

test.each([
  ['gzip', 'application/gzip', '.jsonl.gz'],
  ['zstd', 'application/zstd', '.jsonl.zst'],
  ['none', 'application/x-ndjson', '.jsonl'],
] as const)('D12: with %s, key, type and metadata come from the range alone', async (compress, type, suffix) => {
  const world = await s3World({ compress, date: true })
  const batch = range(span(3, 9), { partition: 7 })
  await deliverTo(world.open(), [batch])
  const [object, ...more] = await world.stored()
  expect(more).toEqual([])
  expect(object!.key).toBe(`${world.folder}date=2023-11-14/000007-0000000000000003-9${suffix}`)
  expect(object!.contentType).toBe(type)
  expect(object!.contentEncoding ?? '').toBe('')
  expect(object!.metadata).toEqual({
    'weir-pipeline': PIPELINE,
    'weir-sink': SINK,
    'weir-epoch': '0',
    'weir-first': '3',
    'weir-last': '9',
    'weir-checksum': rangeChecksum(batch.records.map(({ record }) => record)),
    'weir-records': '7',
    'weir-rows': '7',
  })
  expect(parseKey(world.folder, object!.key)).toMatchObject({ partition: 7, first: 3, last: 9, compress })
})

test.each([
  ['raw', 'gzip', 'application/gzip', '.raw.gz'],
  ['raw-base64', 'none', 'text/plain', '.raw-base64'],
  ['raw-length', 'zstd', 'application/zstd', '.raw-length.zst'],
] as const)(
  "D2 D12: format %s, %s: the records' own bytes, whatever their rows",
  async (format, compress, type, suffix) => {
    const world = await s3World({ format, compress })
    await deliverTo(world.open(), [range(span(0, 2))])
    const [object, ...more] = await world.stored()
    expect(more).toEqual([])
    expect(object).toMatchObject({ key: `${world.folder}000000-0000000000000000-2${suffix}`, contentType: type })
    expect(parseKey(world.folder, object!.key)).toMatchObject({ format, compress })
    const value = '{"offset":1,"generation":0}'
    if (format === 'raw') expect(object!.lines[1]).toBe(value)
    if (format === 'raw-base64') expect(Buffer.from(object!.lines[1]!, 'base64').toString()).toBe(value)
    if (format === 'raw-length')
      expect(zstdDecompressSync(object!.bytes).subarray(31, 62)).toEqual(Buffer.from(`\0\0\0\x1b${value}`))
  },
)

test('D12: the same range gives the same bytes, whoever writes it', async () => {
  const worlds = [await s3World(), await s3World()]
  const bytes: Buffer[] = []
  for (const world of worlds) {
    await deliverTo(world.open(), [range(span(0, 999))])
    bytes.push((await world.stored())[0]!.bytes)
  }
  expect(bytes[0]!.equals(bytes[1]!)).toBe(true)
})

test('D2: objects of a partition are listed in the order of the log', async () => {
  const world = await s3World()
  const writer = world.open()
  const starts = [0, 9, 10, 99, 100, 999, 1_000, 123_456]
  for (const [i, first] of starts.entries())
    await deliverTo(writer, [range(span(first, Math.min(first, starts[i + 1] ?? first)))])
  const keys = (await world.stored()).map(({ key }) => parseKey(world.folder, key)!.first)
  expect(keys).toEqual(starts)
})

test('D11: 10,000 records in one object', async () => {
  const world = await s3World()
  const report = await deliverTo(world.open(), [range(span(0, 9_999))])
  expect(report.ranges[0]).toMatchObject({ rows: 10_000 })
  const [object, ...more] = await world.stored()
  expect(more).toEqual([])
  expect(object!.lines).toHaveLength(10_000)
})

test('D11: a record of 1 MiB, neither shortened nor changed', async () => {
  const world = await s3World()
  const note = 'é€😀\u0000\n"\\'.repeat(MIB / 16).slice(0, MIB)
  await deliverTo(world.open(), [range([0], { rows: [{ id: 'big', n: 1, note }] })])
  expect(await world.rows()).toEqual([{ id: 'big', n: 1, note }])
})

test('D11: an event of 40 partitions', async () => {
  const world = await s3World()
  const batch = span(0, 39).map((partition) => range(span(0, 2), { partition }))
  const report = await deliverTo(world.open(), batch)
  expect(report.ranges.map(({ source, rows }) => [source.partition, rows])).toEqual(span(0, 39).map((p) => [p, 3]))
  expect(await world.stored()).toHaveLength(40)
})

test('D1: a range without rows moves the watermark and writes no object', async () => {
  const world = await s3World()
  await deliverTo(world.open(), [range(span(0, 9), { rows: [] })])
  expect(await world.stored()).toEqual([])
  expect(await world.item()).toMatchObject({ next: 10, pending: null })
})

test('D6: refused records have no line, and a range of them alone no object', async () => {
  const world = await s3World()
  const bad: SinkRange = range(span(0, 2), { rows: [{ n: 1n }] })
  const prepared = world.open().prepare([bad, range(span(0, 2), { partition: 1 })])
  expect(prepared.refusals.map(({ record, text }) => [record.offset, text])).toEqual(
    span(0, 2).map((offset) => [
      offset,
      expect.stringMatching(/Sink "lake" cannot hold the record: .*bigint.* at \.n/),
    ]),
  )
  await prepared.write(invocation())
  expect((await world.stored()).map(({ lines }) => lines.length)).toEqual([3])
  expect(await world.item()).toMatchObject({ next: 3 })
})
