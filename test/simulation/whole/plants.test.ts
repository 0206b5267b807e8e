/** Bugs planted around a shipped writer: each is found within so many seeds, and the seed finds it again. */
import { expect, test } from 'vitest'
import type { SinkWriter } from '../../../src/sinks/sink.ts'
import type { Wrap } from './process.ts'
import { sweep } from './seeds.ts'
import { simulate } from './simulation.ts'

const MOST_SEEDS = 60

const around =
  (sink: string, change: (writer: SinkWriter) => SinkWriter): Wrap =>
  (id, writer) =>
    id === sink ? change(writer) : writer

/** Says that it is done although it failed. */
const deaf = around('kv', (writer) => ({
  ...writer,
  prepare: (ranges) => {
    const batch = writer.prepare(ranges)
    return { ...batch, write: (call) => batch.write(call).catch(() => ({ ranges: [] })) }
  },
}))

/** Loses the last record of a batch. */
const short = around('lake', (writer) => ({
  ...writer,
  prepare: (ranges) =>
    writer.prepare(
      ranges.map((range) => ({
        ...range,
        records: range.records.map((each, i, { length }) => (i === length - 1 ? { ...each, rows: [] } : each)),
      })),
    ),
}))

/** Makes its dead letters durable behind the caller's back. */
const hasty = around('kv', (writer) => ({
  ...writer,
  prepare: (ranges) => {
    const batch = writer.prepare(ranges)
    return { ...batch, write: (call) => batch.write({ ...call, putDeadLetters: () => Promise.resolve() }) }
  },
}))

test.each([
  ['a failure is swallowed', deaf, /^N1|^D1/],
  ['a record is lost', short, /^D1/],
  ['dead letters are never put', hasty, /^D1/],
] as const)('%s: found, and found again by its seed', async (_, wrap, wrong) => {
  const { failed } = await sweep(1, MOST_SEEDS, { wrap })
  expect(failed?.wrong).toMatch(wrong)
  expect(await simulate(failed!.seed, { wrap })).toEqual(failed)
})
