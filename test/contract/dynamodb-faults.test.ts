/** The DynamoDB sink when requests fail, answers get lost, and the table is not what it should be. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import type { LedgerStore } from '../../src/sinks/ledger.ts'
import { deliverTo, invocation, range, sourceRecord, span } from '../../src/testing/index.ts'
import { clients, deadline } from './dynamodb-kit.ts'
import type { Exchange } from './dynamodb-kit.ts'
import { addIndex, passAll, within, writes } from './dynamodb-target.ts'
import type { Target } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

async function ids(target: Target): Promise<string[]> {
  return (await target.items()).map(({ id }) => String(id)).sort()
}

const allIds = (last: number) =>
  span(0, last)
    .map((n) => `0-${n}`)
    .sort()

describe('answers that get lost', () => {
  test.each(['BatchExecuteStatement', 'PutItem', 'BatchGetItem'])('D2: of %s', async (operation) => {
    let lost = 0
    await within(
      aws,
      (exchange) => {
        if (exchange.operation !== operation || lost >= 3) return undefined
        lost++
        return exchange.pass().then(() => exchange.drop())
      },
      async (target, through) => {
        const writer = await target.open({ through })
        const first = await deliverTo(await target.open(), [range(span(0, 29))])
        expect(first.ranges[0]!.rows).toBe(30)
        // Of another shape: no update takes those that are there, they are looked at and put.
        const rows = span(30, 89).map((n) => [n, { id: `0-${n - 30}`, n }] as const)
        await deliverTo(writer, [writes(rows)])
        expect(lost).toBe(3)
        const items = await target.items()
        expect(items.map(({ n }) => Number(n)).sort((a, b) => a - b)).toEqual(span(30, 89))
        expect((await target.watermark(0))?.next).toBe(90)
      },
    )
  })

  test('D1 D2 D5: dead before the watermark moved: redelivered, cut differently, nothing changes', async () => {
    await within(aws, passAll, async (target) => {
      const deaf: LedgerStore = { ...target.ledger, compareAndSet: () => Promise.reject(new Error('died here')) }
      const dying = await target.open({ ledger: deaf })
      await expect(deliverTo(dying, [range(span(0, 59))])).rejects.toThrow('died here')
      const before = await target.raw()
      expect(before).toHaveLength(60)
      const writer = await target.open()
      const report = await deliverTo(writer, [range(span(0, 39))])
      expect(report.ranges[0]).toMatchObject({ rows: 0, duplicates: 0 })
      await deliverTo(writer, [range(span(30, 59))])
      expect(await target.raw()).toEqual(before)
      expect((await target.watermark(0))?.next).toBe(60)
    })
  })
})

interface Statements {
  readonly Statements: readonly object[]
}

/** Answers some statements with an error under HTTP 200, and sends the others on. */
async function failStatements(exchange: Exchange, code: string, which: (i: number) => boolean): Promise<void> {
  const { Statements } = JSON.parse(exchange.body.toString()) as Statements
  const responses: object[] = new Array(Statements.length)
  const rest: number[] = []
  Statements.forEach((_, i) => {
    if (which(i)) responses[i] = { Error: { Code: code, Message: 'told to' } }
    else rest.push(i)
  })
  if (rest.length > 0) {
    const statements = rest.map((i) => Statements[i]!)
    const output = await aws.dynamodb.call<{ Responses: object[] }>(
      'BatchExecuteStatement',
      { Statements: statements },
      deadline(),
    )
    output.Responses.forEach((response, i) => (responses[rest[i]!] = response))
  }
  exchange.answer(200, JSON.stringify({ Responses: responses }))
}

describe('faults of single statements under HTTP 200', () => {
  test.each(['ProvisionedThroughputExceeded', 'ThrottlingError', 'InternalServerError', 'TransactionConflict'])(
    'D8: %s is tried again, the others are not',
    async (code) => {
      let failures = 0
      await within(
        aws,
        (exchange) =>
          exchange.operation === 'BatchExecuteStatement' && failures++ < 4
            ? failStatements(exchange, code, (i) => i % 3 === 0)
            : undefined,
        async (target, through) => {
          const logged: string[] = []
          const writer = await target.open({ through, log: (message) => logged.push(message) })
          const report = await deliverTo(writer, [range(span(0, 59))])
          expect(report.ranges[0]!.rows).toBe(60)
          expect(await ids(target)).toEqual(allIds(59))
          expect(logged).toContain('DynamoDB throttled')
        },
      )
    },
  )

  test('D10 N3: throttled to the end it fails retryably inside the deadline, and the watermark stays', async () => {
    await within(
      aws,
      (exchange) =>
        exchange.operation === 'BatchExecuteStatement'
          ? failStatements(exchange, 'ThrottlingError', () => true)
          : undefined,
      async (target, through) => {
        const start = performance.now()
        await expect(deliverTo(await target.open({ through }), [range(span(0, 9))], 1_500)).rejects.toMatchObject({
          code: 'WEIR_STORE_UNAVAILABLE',
          retryable: true,
        })
        expect(performance.now() - start).toBeLessThan(2_500)
        expect(await target.watermark(0)).toBeUndefined()
      },
    )
  })

  test('D8: denied is misconfigured, with advice', async () => {
    await within(
      aws,
      (exchange) =>
        exchange.operation === 'BatchExecuteStatement'
          ? failStatements(exchange, 'AccessDenied', () => true)
          : undefined,
      async (target, through) => {
        await expect(deliverTo(await target.open({ through }), [range(span(0, 9))])).rejects.toMatchObject({
          code: 'WEIR_STORE_MISCONFIGURED',
          retryable: false,
          cure: expect.stringContaining('permission') as string,
        })
      },
    )
  })

  test('D8: a batch refused as a whole is taken apart, and what passes alone lands', async () => {
    await within(
      aws,
      (exchange) => {
        if (exchange.operation !== 'BatchExecuteStatement') return undefined
        exchange.answer(400, '{"__type":"x#ValidationException","message":"no"}')
        return Promise.resolve()
      },
      async (target, through) => {
        await deliverTo(await target.open({ through }), [range(span(0, 29))])
        expect(await ids(target)).toEqual(allIds(29))
      },
    )
  })
})

describe('what the store refuses for good', () => {
  const rows = writes([
    [0, { id: 'a', region: 'x' }],
    [1, { id: 'b', region: 'x' }],
    [2, { id: 'a', region: 7 }],
    [3, { id: 'c' }],
  ])

  test.each(['auto', 'put'] as const)(
    'D6: one record becomes a dead letter, its predecessor and neighbours land (%s)',
    async (how) => {
      await within(
        aws,
        passAll,
        async (target) => {
          await addIndex(aws, target)
          const call = invocation()
          const report = await (await target.open()).prepare([rows]).write(call)
          expect(report.ranges[0]).toMatchObject({ rows: 3, refused: 1 })
          expect(call.letters).toMatchObject([
            { pipeline: 'contract', sink: 'kv', epoch: 0, stage: 'store', code: 'WEIR_REFUSED', record: { offset: 2 } },
          ])
          expect((await target.items()).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))).toEqual([
            { id: 'a', region: 'x' },
            { id: 'b', region: 'x' },
            { id: 'c' },
          ])
          expect((await target.watermark(0))?.next).toBe(4)
        },
        { writes: how },
      )
    },
  )

  test('D1 N1: the watermark stays where the dead letter is not durable', async () => {
    await within(aws, passAll, async (target) => {
      await addIndex(aws, target)
      const call = { ...invocation(), putDeadLetters: () => Promise.reject(new Error('not durable')) }
      await expect((await target.open()).prepare([rows]).write(call)).rejects.toThrow('not durable')
      expect(await target.watermark(0)).toBeUndefined()
    })
  })

  test('D6: many rows of one record: one refused row gives one letter', async () => {
    await within(aws, passAll, async (target) => {
      await addIndex(aws, target)
      const letters: DeadLetter[] = []
      const call = {
        ...invocation(),
        putDeadLetters: (put: readonly DeadLetter[]) => Promise.resolve(void letters.push(...put)),
      }
      const record = {
        record: sourceRecord(0),
        rows: [
          { id: 'x', region: 1 },
          { id: 'y', region: 2 },
        ],
      }
      await (
        await target.open()
      )
        .prepare([{ ...rows, records: [record, ...writes([[1, { id: 'z' }]]).records] }])
        .write(call)
      expect(letters).toHaveLength(1)
      expect(await ids(target)).toEqual(['z'])
    })
  })
})

describe('a table that is not what it should be', () => {
  test.each(['auto', 'put'] as const)(
    'D8 N5: an item of someone else halts, and its key is not told (%s)',
    async (how) => {
      await within(
        aws,
        passAll,
        async (target) => {
          const foreign = { id: { S: '0-1' }, note: { S: 'not ours' } }
          await aws.dynamodb.call('PutItem', { TableName: target.table, Item: foreign }, deadline())
          await expect(deliverTo(await target.open(), [range(span(0, 4))])).rejects.toMatchObject({
            code: 'WEIR_FOREIGN_ITEM',
            retryable: false,
            message: expect.not.stringContaining('0-1') as string,
          })
          expect((await target.raw()).filter(({ id }) => id?.S === '0-1')).toEqual([foreign])
          expect(await target.watermark(0)).toBeUndefined()
        },
        { writes: how },
      )
    },
  )

  test('D8: a missing table is misconfigured', async () => {
    await within(aws, passAll, async (target) => {
      const writer = await target.open()
      await aws.dynamodb.call('DeleteTable', { TableName: target.table }, deadline())
      await expect(deliverTo(writer, [range(span(0, 4))])).rejects.toMatchObject({
        code: 'WEIR_STORE_MISCONFIGURED',
        retryable: false,
      })
      await aws.dynamodb.call(
        'CreateTable',
        {
          TableName: target.table,
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: [{ AttributeName: 'other', AttributeType: 'N' }],
          KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }],
        },
        deadline(),
      )
      const call = invocation()
      await expect(writer.prepare([range(span(0, 4))]).write(call)).rejects.toMatchObject({
        code: 'WEIR_STORE_MISCONFIGURED',
        message: expect.stringContaining('HASH other (N)') as string,
      })
      expect(call.letters).toEqual([])
    })
  })

  test('D8: a store that is down is unavailable', async () => {
    await within(aws, passAll, async (target) => {
      const nowhere = clients('http://127.0.0.1:9')
      await expect(
        deliverTo(await target.open({ through: nowhere }), [range(span(0, 4))], 1_000),
      ).rejects.toMatchObject({ code: 'WEIR_STORE_UNAVAILABLE', retryable: true })
      nowhere.close()
    })
  })
})
