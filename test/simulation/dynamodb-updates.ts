/** Rows of which each has a shape of its own, whether their items are whole, and bugs of the statements that update items. */
import { numberOf, textOf } from '../../src/aws/attribute.ts'
import type { Item } from '../../src/aws/attribute.ts'
import type { Dynamo } from '../../src/aws/dynamodb.ts'
import type { SinkRange } from '../../src/sinks/sink.ts'
import type { dynamodbModel, Plant } from './dynamodb-world.ts'

const OWN = 'only-'

/** Every row has an attribute more, that no other has. */
export function shaped(plant: Plant = {}): Plant {
  return {
    ...plant,
    writer: (shipped) => {
      const writer = plant.writer?.(shipped) ?? shipped
      return { ...writer, prepare: (ranges) => writer.prepare(ranges.map(withOwn)) }
    },
  }
}

function withOwn({ source, records }: SinkRange): SinkRange {
  return {
    source,
    records: records.map((each) => {
      const own = `${OWN}${source.partition}/${each.record.offset}`
      return { ...each, rows: each.rows.map((row) => ({ ...(row as object), [own]: true })) }
    }),
  }
}

type Model = ReturnType<typeof dynamodbModel>

/** D2 besides: an item has all attributes of the row at its position, and none of another's. */
export function wholeItems(model: Model): Model {
  return {
    ...model,
    violation: (world) => {
      const [, , tables] = world
      const wrong = Object.values(tables['items'] ?? {}).flatMap((item) => brokenIn(item) ?? [])
      return wrong[0] ?? model.violation(world)
    },
  }
}

function brokenIn(item: Item): string | undefined {
  const place = `${Number(textOf(item, '_src')!.split('/')[1])}/${numberOf(item, '_offset')}`
  const own = Object.keys(item).filter((name) => name.startsWith(OWN))
  if (textOf(item, 'n') === place && own.join() === `${OWN}${place}`) return undefined
  return `D2: item ${textOf(item, 'id')} of ${place} has ${[textOf(item, 'n'), ...own].join(', ')}`
}

interface Batch {
  readonly Statements: readonly { readonly Statement: string }[]
}

function otherUpdate(change: (statement: string) => string): Plant {
  const changed = (input: object | string) => {
    const batch = JSON.parse(input as string) as Batch
    if (!batch.Statements[0]!.Statement.startsWith('UPDATE')) return input
    return JSON.stringify({
      Statements: batch.Statements.map((each) => ({ ...each, Statement: change(each.Statement) })),
    })
  }
  return {
    dynamo: (dynamo) => ({
      call: (operation, input, deadline) =>
        dynamo.call(operation, operation === 'BatchExecuteStatement' ? changed(input) : input, deadline),
    }),
  }
}

/** Merges the row into whatever is older. */
export const anyShape = otherUpdate((statement) => {
  const changed = statement.replace(/AND \("_shape" = '[^)]*\) /, '')
  if (changed === statement) throw new Error('the guard is not what this plant knows')
  return changed
})

/** Takes items of several shapes, and leaves in them what the row has not. */
export const nothingRemoved = otherUpdate((statement) => statement.replaceAll(/REMOVE "[^"]+" /g, ''))

/** Of rows of different sources the last to come wins. */
export const updateWithoutTimestamp = otherUpdate((statement) =>
  statement.replace('"_ts" < ? OR ("_ts" = ?', '"_ts" <> ? OR ("_ts" = ?'),
)

/** What no update took is believed to be newer, unread. */
export const missedIsDone: Plant = {
  dynamo: (dynamo: Dynamo) => ({
    async call<Output>(...[operation, input, deadline]: Parameters<Dynamo['call']>) {
      const output = await dynamo.call<{ Responses: { readonly Error?: { readonly Code: string } }[] }>(
        operation,
        input,
        deadline,
      )
      if (operation !== 'BatchExecuteStatement') return output as Output
      const done = output.Responses.map((each) => (each.Error?.Code === 'ConditionalCheckFailed' ? {} : each))
      return { Responses: done } as Output
    },
  }),
}
