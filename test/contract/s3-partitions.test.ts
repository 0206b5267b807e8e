/** Output partitions on a real bucket: one claim, several objects, and a death between any two of them. */
import { expect, test } from 'vitest'
import { WeirError } from '../../src/core/errors.ts'
import type { SinkRange, SinkWriter } from '../../src/sinks/sink.ts'
import type { ObjectStore } from '../../src/sinks/s3/objects.ts'
import { opened, rewoundTo } from '../../src/core/watermark.ts'
import { contractRow, deliverTo, range, span } from '../../src/testing/contract-world.ts'
import type { ContractRow } from '../../src/testing/contract-world.ts'
import { memoryLedger } from '../../src/testing/memory-ledger.ts'
import { cut, s3World } from './s3-world.ts'
import type { S3World, S3WorldInput } from './s3-world.ts'

/** Every third row has no note: the two output partitions of a range share none of its records. */
const partition = ({ note }: ContractRow) => ({ noted: note !== null })
const byNote: S3WorldInput = { partition }
/** As many output partitions as records. */
const byNumber: S3WorldInput = { partition: ({ n }: ContractRow) => ({ n }) }

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return error instanceof WeirError ? error.code : String(error)
  }
}

const write = (writer: SinkWriter, first: number, last: number) => deliverTo(writer, [range(span(first, last))])

/** Every row once, under the folder that it belongs in. */
async function expectOnce(world: S3World, first: number, last: number, hint = ''): Promise<void> {
  const found: { readonly n: number; readonly folder: string }[] = []
  for (const { key, lines } of await world.stored())
    for (const line of lines) {
      const { n } = JSON.parse(line) as ContractRow
      found.push({ n, folder: key.slice(world.folder.length).replace(/[^/]*$/, '') })
    }
  const wanted = span(first, last).map((n) => ({ n, folder: `noted=${contractRow(n).note !== null}/` }))
  expect(
    found.sort((a, b) => a.n - b.n),
    hint,
  ).toEqual(wanted)
}

test('D2 D12: a range has an object for each of its output partitions, and keys come from the range alone', async () => {
  const world = await s3World(byNote)
  const report = await write(world.open(), 0, 9)
  expect(report.ranges[0]).toMatchObject({ rows: 10, duplicates: 0 })
  const stored = await world.stored()
  expect(
    stored.map(({ key, lines, metadata }) => [key.slice(world.folder.length), lines.length, metadata['weir-rows']]),
  ).toEqual([
    ['noted=false/000000-0000000000000000-9.jsonl.gz', 4, '4'],
    ['noted=true/000000-0000000000000000-9.jsonl.gz', 6, '6'],
  ])
  expect(await world.item()).toMatchObject({ next: 10, pending: null, generation: 0, version: 2 })
  expect(await world.item()).not.toHaveProperty('ahead')
  await expectOnce(world, 0, 9)
})

test('D2 D13: what a rewind leaves out is in no output, and an output of such records alone has no object', async () => {
  const world = await s3World(byNote)
  await write(world.open(), 0, 9)
  const [source, until] = [range([0]).source, { remaining: () => 60_000, signal: new AbortController().signal }]
  const target = world.rewind()
  const plan = { epoch: 1, target: 0, first: 0, end: 10, removes: true, head: undefined }
  await target.change(source, (before) => rewoundTo(before, plan), until)
  await target.remove([{ source, target: 0, epoch: 1 }], until)
  await target.change(source, (before) => before && opened(before, [0, 1, 3]), until)
  const report = await write(world.open(), 0, 3)
  expect(report.ranges[0]).toMatchObject({ rows: 1, duplicates: 0 })
  const stored = (await world.stored()).filter(({ lines }) => lines.length > 0)
  expect(stored.map(({ key, lines }) => [key.slice(world.folder.length), lines.length])).toEqual([
    ['noted=true/000000-0000000000000000-3.e1.jsonl.gz', 1],
  ])
})

test('D2: a range of one output partition has one object', async () => {
  const world = await s3World({ partition: () => ({ all: 'alike' }) })
  await write(world.open(), 0, 9)
  expect((await world.stored()).map(({ key }) => key.slice(world.folder.length))).toEqual([
    'all=alike/000000-0000000000000000-9.jsonl.gz',
  ])
})

/** read, list, claim, put, put, settle. */
const REQUESTS = [0, 1, 2, 3, 4, 5]
const REDELIVERIES = [
  [
    [0, 3],
    [4, 9],
    [10, 12],
  ],
  [
    [0, 9],
    [10, 12],
  ],
  [[0, 12]],
] as const

test('D1 D2 D4: a process dies at each request, before and after its effect; redelivery is cut shorter, equal, longer', async () => {
  let cuts = 0
  for (const at of REQUESTS)
    for (const when of ['before', 'after'] as const)
      for (const parts of REDELIVERIES) {
        const world = await s3World(byNote)
        expect(await codeOf(write(world.open(cut(world, at, when)), 0, 9))).toBe('WEIR_UNEXPECTED')
        for (const [first, last] of parts) await write(world.open(), first, last)
        await expectOnce(world, 0, 12, `${when} request ${at}, redelivered ${parts.join(' | ')}`)
        expect(await world.item()).toMatchObject({ next: 13, pending: null, gaps: [] })
        expect(await world.item()).not.toHaveProperty('ahead')
        cuts++
      }
  expect(cuts).toBe(36)
})

test('D1 D2 D4: two processes die one after the other, between their PUTs', async () => {
  for (const one of [3, 4])
    for (const two of [2, 3, 4, 5, 6, 7]) {
      const world = await s3World(byNote)
      await codeOf(write(world.open(cut(world, one, 'after')), 0, 9))
      await codeOf(write(world.open(cut(world, two, 'after')), 0, 5))
      await write(world.open(), 0, 9)
      await expectOnce(world, 0, 9, `at ${one}, at ${two}`)
    }
})

test('D2 D4: a death between two PUTs leaves one output partition ahead, until the watermark has caught up', async () => {
  const world = await s3World(byNote)
  await codeOf(write(world.open({ objects: failing(world.objects, 'noted=true/') }), 0, 9))
  expect(await world.item()).toMatchObject({ next: 0, pending: { outputs: ['noted=false/', 'noted=true/'] } })
  await write(world.open(), 0, 4)
  expect(await world.item()).toMatchObject({ next: 5, generation: 1, pending: null, ahead: { 'noted=false/': 10 } })
  await write(world.open(), 5, 11)
  expect(await world.item()).toMatchObject({ next: 12, pending: null })
  expect(await world.item()).not.toHaveProperty('ahead')
  await expectOnce(world, 0, 11)
  expect(
    (await world.stored()).map(({ key, metadata, lines }) => [
      key.slice(world.folder.length),
      metadata['weir-void'],
      lines.length,
    ]),
  ).toEqual([
    ['noted=false/000000-0000000000000000-9.jsonl.gz', undefined, 4],
    // not 5-11: what is below 10 is in the object above
    ['noted=true/000000-0000000000000000-4~1.jsonl.gz', undefined, 3],
    ['noted=true/000000-0000000000000000-9.jsonl.gz', 'true', 0],
    ['noted=true/000000-0000000000000005-11~1.jsonl.gz', undefined, 5],
  ])
})

test('D2 D4: a zombie that has written one object of two writes no other once it is voided', async () => {
  const world = await s3World(byNote)
  const { objects, resume, arrived } = stopAtPut(world.objects, 'noted=true/')
  const zombie = codeOf(write(world.open({ objects }), 0, 9))
  await arrived
  await write(world.open(), 0, 4)
  resume()
  expect(await zombie).toBe('WEIR_TAKEN_OVER')
  await write(world.open(), 5, 9)
  await expectOnce(world, 0, 9)
})

test('D2 D4: a claim whose event comes whole is filled up, and its zombie finds its own objects', async () => {
  const world = await s3World(byNote)
  const { objects, resume, arrived } = stopAtPut(world.objects, 'noted=true/')
  const zombie = codeOf(write(world.open({ objects }), 0, 9))
  await arrived
  await write(world.open(), 0, 14)
  resume()
  expect(await zombie).toBe('ok')
  await expectOnce(world, 0, 14)
  expect((await world.item())?.generation).toBe(0)
})

test('D2 D4: twins write each row once', async () => {
  for (let round = 0; round < 5; round++) {
    const world = await s3World(byNote)
    const codes = await Promise.all([0, 1, 2].map(() => codeOf(write(world.open(), 0, 9))))
    for (const code of codes) expect(['ok', 'WEIR_CONTENDED', 'WEIR_TAKEN_OVER']).toContain(code)
    await write(world.open(), 0, 12)
    await expectOnce(world, 0, 12)
  }
})

test('D2 D4: a changed definition fills up no claim of the old one', async () => {
  const ledger = memoryLedger()
  const world = await s3World(byNote, ledger)
  await codeOf(write(world.open(cut(world, 3, 'before')), 0, 9))
  const changed = world.open({ partition: ({ n }: ContractRow) => ({ even: n % 2 === 0 }) })
  await write(changed, 0, 9)
  const rows = (await world.rows()) as ContractRow[]
  expect(rows.map(({ n }) => n).sort((a, b) => a - b)).toEqual(span(0, 9))
  expect((await world.item())?.generation).toBe(1)
})

test('D2 D11: more output partitions than one claim may have are written in parts, none of them twice', async () => {
  const world = await s3World({ ...byNumber, maxOutputs: 3 })
  await codeOf(write(world.open(cut(world, 12, 'after')), 0, 39))
  // an event of more parts than there are checkpoints is no restarted topic when it comes again (D9)
  await write(world.open(), 0, 39)
  const report = await write(world.open(), 0, 44)
  expect(report.ranges).toMatchObject([{ first: 0, last: 44, rows: 5, duplicates: 40 }])
  const rows = (await world.rows()) as ContractRow[]
  expect(rows.map(({ n }) => n).sort((a, b) => a - b)).toEqual(span(0, 44))
  expect(await world.item()).toMatchObject({ next: 45, pending: null })
})

test('D11: 100 output partitions of one batch', async () => {
  const world = await s3World(byNumber)
  await write(world.open(), 0, 99)
  expect(await world.stored()).toHaveLength(100)
})

test('D9: objects in any output partition, without a ledger item, halt the first write: the ledger was lost', async () => {
  const ledger = memoryLedger()
  const world = await s3World({ partition: ({ n }: ContractRow) => ({ a: 'é /', b: n % 2 }) }, ledger)
  await write(world.open(), 0, 4)
  ledger.clear()
  expect(await codeOf(write(world.open(), 5, 9))).toBe('WEIR_FOREIGN_TARGET')
  await deliverTo(world.open(), [range(span(0, 4), { partition: 1 })])
  expect(
    new Set((await world.stored()).map(({ key }) => key.slice(world.folder.length).replace(/[^/]*$/, ''))),
  ).toEqual(new Set(['a=é %2F/b=0/', 'a=é %2F/b=1/']))
})

test('D6: a record whose row has no partition is refused, and its neighbours go on', async () => {
  const world = await s3World({ partition: ({ n }: ContractRow) => ({ n: n === 1 ? Number.NaN : 'x' }) })
  const batch: SinkRange = range(span(0, 2))
  const prepared = world.open().prepare([batch])
  expect(prepared.refusals.map(({ record, text }) => [record.offset, text])).toEqual([
    [1, expect.stringMatching(/partition\(\.\.\.\) gave NaN for n/)],
  ])
  const report = await deliverTo(world.open(), [batch])
  expect(report.ranges[0]).toMatchObject({ rows: 2, refused: 1 })
})

test.each([
  ['raw', { format: 'raw', compress: 'none' }],
  ['parquet', { format: 'parquet', columns: { n: 'int64' } }],
] as const)('D2: format %s in output partitions', async (format, how) => {
  const world = await s3World({ ...byNote, ...how })
  await write(world.open(), 0, 9)
  const stored = await world.stored()
  expect(stored.map(({ key, metadata }) => [key.slice(world.folder.length), metadata['weir-rows']])).toEqual([
    [`noted=false/000000-0000000000000000-9.${format}`, '4'],
    [`noted=true/000000-0000000000000000-9.${format}`, '6'],
  ])
})

/** A bucket that fails every PUT of one output partition. */
function failing(objects: ObjectStore, output: string): ObjectStore {
  return {
    ...objects,
    put: (object, deadline) =>
      object.key.includes(output) ? Promise.reject(new Error('gone')) : objects.put(object, deadline),
  }
}

/** A bucket whose first PUT of an output partition waits, as a process does that was stopped in mid-flight. */
function stopAtPut(
  objects: ObjectStore,
  output: string,
): { objects: ObjectStore; resume: () => void; arrived: Promise<void> } {
  const gate = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  return {
    resume: gate.resolve,
    arrived: reached.promise,
    objects: {
      ...objects,
      put: async (object, deadline) => {
        if (!object.key.includes(output)) return objects.put(object, deadline)
        reached.resolve()
        await gate.promise
        return objects.put(object, deadline)
      },
    },
  }
}
