/** Bugs of the DynamoDB path, each as a part around what ships, to see the explorer find them. */
import type { Item } from '../../src/aws/attribute.ts'
import { AwsFault } from '../../src/aws/fault.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import type { Deadline } from '../../src/core/ports.ts'
import type { SinkRange, SinkWriter } from '../../src/sinks/sink.ts'
import type { Plant } from './dynamodb-world.ts'

/** Puts of items go out under another condition. */
function otherGuard(change: (condition: string) => string): Plant {
  const put = (operation: string, input: object | string) => {
    if (operation !== 'PutItem' || typeof input !== 'string') return input
    const request = JSON.parse(input) as { ConditionExpression: string }
    const condition = change(request.ConditionExpression)
    if (condition === request.ConditionExpression) throw new Error('the guard is not what this plant knows')
    return JSON.stringify({ ...request, ConditionExpression: condition })
  }
  return {
    dynamo: (dynamo) => ({
      call: (operation, input, deadline) => dynamo.call(operation, put(operation, input), deadline),
    }),
  }
}

/** Of rows of different sources the last to come wins. */
export const guardWithoutTimestamp = otherGuard((condition) =>
  condition.replace('#src <> :src AND (#ts < :ts OR (#ts = :ts AND #src < :src))', '#src <> :src'),
)

/** The invocation is told that its dead letters are durable, and puts them once the sinks have moved their watermarks. */
export const deadLetterAfterWatermark: Plant = {
  putDeadLetters: (put) => {
    const late: DeadLetter[] = []
    return {
      put: (letters) => Promise.resolve(void late.push(...letters)),
      afterwards: () => (late.length > 0 ? put(late) : Promise.resolve()),
    }
  },
}

/** Of each key the newest row alone is given to the sink, which has no predecessor to fall back on. */
export const compactionForGood: Plant = {
  writer: (writer): SinkWriter => ({ ...writer, prepare: (ranges) => writer.prepare(ranges.map(newestOnly)) }),
}

function newestOnly({ source, records }: SinkRange): SinkRange {
  const last = new Map(records.flatMap(({ rows }, i) => rows.map((row) => [(row as { id: string }).id, i] as const)))
  return {
    source,
    records: records.map((each, i) => ({
      ...each,
      rows: each.rows.filter((row) => last.get((row as { id: string }).id) === i),
    })),
  }
}

/** Positions of one source compare by offset alone, whatever the epoch. */
export const epochNotCompared = otherGuard((condition) =>
  condition.replace('#epoch < :epoch OR (#epoch = :epoch AND ', '(:epoch = :epoch AND '),
)

/** A warm environment believes what it last saw of its ledger, and reads it no more. */
export const cacheTrusted: Plant = {
  dynamo: (dynamo) => {
    const seen = new Map<string, unknown>()
    return {
      async call<Output>(operation: string, input: object | string, deadline: Deadline) {
        if (typeof input === 'string') return dynamo.call<Output>(operation, input, deadline)
        const { TableName, Key, Item } = input as { TableName: string; Key?: Item; Item?: Item }
        const key = JSON.stringify([TableName, Key?.id ?? Item?.id])
        if (operation === 'GetItem' && seen.has(key)) return { Item: seen.get(key) } as Output
        const output = await dynamo.call<Output>(operation, input, deadline)
        if (operation === 'GetItem' && (output as { Item?: Item }).Item) seen.set(key, (output as { Item?: Item }).Item)
        if (operation === 'PutItem') seen.set(key, Item)
        return output
      },
    }
  },
}

interface Transaction {
  readonly TransactItems: readonly { readonly Put: { readonly ConditionExpression?: string } }[]
}

function otherTransactions(
  send: (transaction: Transaction, call: (operation: string, input: object) => Promise<unknown>) => Promise<unknown>,
): Plant {
  return {
    dynamo: (dynamo) => ({
      call: async <Output>(operation: string, input: object | string, deadline: Deadline) => {
        if (operation !== 'TransactWriteItems') return dynamo.call<Output>(operation, input, deadline)
        const transaction = JSON.parse(input as string) as Transaction
        return (await send(transaction, (other, given) => dynamo.call(other, given, deadline))) as Output
      },
    }),
  }
}

/** The rows of a record that has several are written whatever stands there. */
export const noGuardTogether = otherTransactions(({ TransactItems }, call) => {
  const without = TransactItems.map(({ Put }) => {
    const { ConditionExpression: _, ...rest } = Put
    return { Put: rest }
  })
  return call('TransactWriteItems', { TransactItems: without })
})

/** They are written one after the other. */
export const oneByOne = otherTransactions(async ({ TransactItems }, call) => {
  for (const item of TransactItems) await call('TransactWriteItems', { TransactItems: [item] })
})

/** Where one of them is turned down, the others are given up with it. */
export const restGivenUp = otherTransactions(async (transaction, call) => {
  try {
    await call('TransactWriteItems', transaction)
  } catch (error) {
    if (!(error instanceof AwsFault) || error.name !== 'TransactionCanceledException') throw error
    const { CancellationReasons: reasons } = error.body as { CancellationReasons: readonly { Code: string }[] }
    if (reasons.every(({ Code }) => Code !== 'ConditionalCheckFailed')) throw error
  }
})
