/** Bugs planted in, or around, shipped parts: each is found within so many seeds, and the seed finds it again. */
import { expect, test } from 'vitest'
import type { Dynamo } from '../../../src/aws/dynamodb.ts'
import type { SinkWriter } from '../../../src/sinks/sink.ts'
import { cacheTrusted, epochNotCompared } from '../dynamodb-plants.ts'
import type { Plant } from './process.ts'
import { sweep } from './seeds.ts'
import { simulate } from './simulation.ts'

const MOST_SEEDS = 400

const around = (sink: string, change: (writer: SinkWriter) => SinkWriter): Plant => ({
  writer: (id, writer) => (id === sink ? change(writer) : writer),
})

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

const dynamo = (change: ((dynamo: Dynamo) => Dynamo) | undefined): Plant => ({
  clients: (clients) => ({ ...clients, dynamodb: change!(clients.dynamodb) }),
})

const nothing = () => Promise.resolve(0)
const unremoved: Plant = { target: (target) => ({ ...target, remove: nothing }) }
const unswept: Plant = { target: (target) => ({ ...target, sweep: nothing }) }
const unsuperseded: Plant = { rewindPorts: (ports) => ({ ...ports, supersede: nothing }) }

/** Takes what has a letter, for its own place as well. */
const unheeded: Plant = { rewindPorts: (ports) => ({ ...ports, standing: () => Promise.resolve([]) }) }

/** The group goes on one record too far. */
const tooFar: Plant = {
  rewindPorts: (ports) => ({
    ...ports,
    moveGroup: (offsets) => ports.moveGroup(new Map([...offsets].map(([partition, to]) => [partition, to + 1]))),
  }),
}

/** Does not wait until the group is past the records. */
const impatient: Plant = {
  replayPorts: (ports) => ({
    ...ports,
    committed: () => Promise.resolve(new Map([0, 1].map((partition) => [partition, Infinity]))),
  }),
}

/** Every copy of a replay is taken, not the first alone. */
const credulous: Plant = {
  desk: (desk) => ({
    take: async (copies, deadline) => {
      const answers = await desk.take(copies, deadline)
      return answers.map((answer, i) => (answer === 'stale' ? copies[i]!.record : answer))
    },
  }),
}

test.each([
  ['a failure is swallowed', deaf, /^N1|^D1/],
  ['a record is lost', short, /^D1/],
  ['dead letters are never put', hasty, /^D1/],
  ['the epoch is not compared', dynamo(epochNotCompared.dynamo), /^D/],
  ['a warm environment believes what it last saw of its ledger', dynamo(cacheTrusted.dynamo), /^D|^N1/],
  ['a rewind removes nothing', unremoved, /^D/],
  ['a rewind sweeps nothing', unswept, /^D13/],
  ['a rewind supersedes no letter', unsuperseded, /^D/],
  ['a rewind heeds no letter that stands', unheeded, /^D2/],
  ['a rewind moves the group too far', tooFar, /^D|^no progress/],
  ['a letter is replayed before its rows are in', impatient, /^D1: the letter/],
  ['every copy of a replay is taken', credulous, /^D/],
] as const)('%s: found, and found again by its seed', async (_, plant, wrong) => {
  const { failed, seeds } = await sweep(1, MOST_SEEDS, { plant })
  expect(failed?.wrong).toMatch(wrong)
  expect(await simulate(failed!.seed, { plant })).toEqual(failed)
  // oxlint-disable-next-line no-console -- how soon a bug is found is part of the result
  console.log(`${failed!.wrong}, by seed ${seeds}`)
})
