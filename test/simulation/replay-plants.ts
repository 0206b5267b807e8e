/** Bugs of replays, each as a part around what ships, to see the explorer find them. */
import type { Deadline } from '../../src/core/ports.ts'
import type { SinkRecord } from '../../src/sinks/sink.ts'
import type { ReplayPlant } from './replay-world.ts'

/** A letter is `replayed` as soon as its record was taken, before the rows are in. */
export const settledTooSoon: ReplayPlant = {
  ports: (ports) => ({
    ...ports,
    committed: () => Promise.resolve(new Map([[0, Infinity]])),
    change: (letter, change) =>
      change.to === 'new' ? Promise.resolve({ ok: false, letter }) : ports.change(letter, change),
  }),
}

/** A record is believed whatever its letter says, so long as there is one. */
export const staleBelieved: ReplayPlant = {
  desk: (desk) => ({
    take: async (copies, deadline) => {
      const answers = await desk.take(copies, deadline)
      return answers.map((answer, i) => (answer === 'stale' ? copies[i]!.record : answer))
    },
  }),
}

function without(operation: string, table: string): ReplayPlant {
  return {
    dynamo: (dynamo) => ({
      call: <Output>(asked: string, input: object | string, deadline: Deadline) => {
        const { ConditionExpression: _, ...rest } = input as { TableName: string; ConditionExpression?: string }
        const isMeant = asked === operation && rest.TableName === table
        return dynamo.call<Output>(asked, isMeant ? rest : input, deadline)
      },
    }),
  }
}

/** States move from whatever they are. */
export const movedFromAnywhere = without('UpdateItem', 'letters')

/** What a rewind does to a letter is nothing that a replay notices. */
export const supersededUnseen: ReplayPlant = {
  dynamo: (dynamo) => ({
    call: <Output>(operation: string, input: object | string, deadline: Deadline) => {
      const update = input as { readonly UpdateExpression?: string }
      const UpdateExpression = update.UpdateExpression?.replace(', #version = #version + :one', '')
      return dynamo.call<Output>(operation, UpdateExpression ? { ...update, UpdateExpression } : input, deadline)
    },
  }),
}

/** A letter that is put again is new again. */
export const putAnew = without('PutItem', 'letters')

/** A replayed record is ordered by where it stands now. */
export const ownPosition: ReplayPlant = {
  writer: (writer) => ({
    ...writer,
    prepare: (ranges) =>
      writer.prepare(ranges.map(({ source, records }) => ({ source, records: records.map(orderedHere) }))),
  }),
}

function orderedHere(record: SinkRecord): SinkRecord {
  const { orderAs: _, ...rest } = record
  return rest
}
