/** The audit of an S3 sink on a real bucket: each format and output partitions, by readers that share no code with the writers. */
import { inject, expect, test } from 'vitest'
import { bytes, pipeline } from '../../src/index.ts'
import type { AuditorContext } from '../../src/operations/audit/auditor.ts'
import { createTally } from '../../src/operations/audit/report.ts'
import { openS3Auditor } from '../../src/operations/audit/s3.ts'
import { openScratch } from '../../src/operations/audit/sorter.ts'
import { s3 } from '../../src/sinks/s3/index.ts'
import type { S3Spec } from '../../src/sinks/s3/index.ts'
import { parquet } from '../../src/sinks/s3/parquet.ts'
import { deliverTo, range, span, TOPIC } from '../../src/testing/contract-world.ts'
import type { ContractRow } from '../../src/testing/contract-world.ts'
import { PIPELINE, s3World, SINK } from './s3-world.ts'
import type { S3World, S3WorldInput } from './s3-world.ts'

const OFFSETS = 20
const columns = { id: 'string', n: 'int64 not null', note: 'string' }
const partition = ({ n, note }: ContractRow) => ({ noted: note === null ? null : 'a/b', third: n % 3 })

const kinds: Readonly<Record<string, S3WorldInput>> = {
  jsonl: {},
  'jsonl by date': { date: true },
  'jsonl in output partitions': { partition },
  raw: { format: 'raw' },
  'raw in output partitions': { format: 'raw', partition },
  'raw-base64': { format: 'raw-base64', compress: 'none' },
  'raw-length': { format: 'raw-length', compress: 'zstd' },
  parquet: { format: 'parquet', columns },
  'parquet in output partitions': { format: 'parquet', columns, compress: 'snappy', partition },
}

async function audited(world: S3World, input: S3WorldInput) {
  const { s3: store } = inject('stores')
  const { format, maxOutputs: _, ...rest } = input
  const prefix = world.folder.split('/')[0]!
  const spec = { ...rest, id: SINK, prefix, ...(format === 'parquet' ? { format: parquet } : { format }) } as S3Spec
  const sink = s3(spec)
  const definition = pipeline({ name: PIPELINE, source: { topic: TOPIC }, decode: bytes(), sinks: [sink] })
  const tally = createTally()
  const scratch = openScratch()
  const window = { partition: 0, first: 0, start: 0, end: OFFSETS }
  const context = {
    target: { s3: store },
    targetPipeline: { bucket: world.bucket },
    pipeline: definition,
    sink,
    log: { topic: TOPIC, partitions: [window] },
    tally,
    scratch,
    onProgress: () => undefined,
    isDue: () => true,
    whyMissing: () => undefined,
    onHeld: () => undefined,
  } as unknown as AuditorContext
  const signal = AbortSignal.timeout(30_000)
  const auditor = await openS3Auditor(context, signal)
  try {
    auditor.records(
      range(span(0, OFFSETS - 1)).records.map(({ record, rows }) => ({
        record,
        rows: rows.map((value, index) => ({ index, value }) as never),
        deletes: [],
        dead: undefined,
      })),
    )
    await auditor.upTo(0, Infinity)
    await auditor.finish()
  } finally {
    await auditor.close()
  }
  const { expected, stored, missing, duplicated, different, outOfOrder, foreign } = tally.result('s3')
  return { expected, stored, missing, duplicated, different, outOfOrder, foreign }
}

const none = { missing: 0, duplicated: 0, different: 0, outOfOrder: 0, foreign: 0 }

test.each(Object.entries(kinds))('D14: %s: sound, and a planted fault of each kind is seen', async (_, input) => {
  const world = await s3World(input)
  await deliverTo(world.open(), [range(span(0, 9))])
  await deliverTo(world.open(), [range(span(10, OFFSETS - 1))])
  expect(await audited(world, input)).toEqual({ expected: OFFSETS, stored: OFFSETS, ...none })

  const [first] = await world.stored()
  const rows = Number(first!.metadata['weir-rows'])
  const elsewhere = first!.key.replace(/(\d{16})-(\d+)\.(?=[^/]*$)/, '$1-$2~1.')
  await world.plant(elsewhere, first!.bytes)
  expect(await audited(world, input)).toMatchObject({ duplicated: rows, missing: 0 })
  await world.plant(elsewhere, Buffer.alloc(0))
  await world.plant(first!.key, Buffer.from('x'))
  const { missing, different } = await audited(world, input)
  expect(missing + different).toBe(rows)
})

test('D14: a row in the folder of another output partition is missing in its own', async () => {
  const input: S3WorldInput = { partition }
  const world = await s3World(input)
  await deliverTo(world.open({ partition: () => ({ noted: 'a/b', third: 0 }) }), [range(span(0, OFFSETS - 1))])
  const said = await audited(world, input)
  expect(said).toMatchObject({ stored: OFFSETS, duplicated: 0 })
  expect(said.missing + said.different).toBe(OFFSETS)
})
