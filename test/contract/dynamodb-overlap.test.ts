/** The DynamoDB sink while others write the same, and how many requests it makes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { LedgerItem, LedgerStore } from '../../src/sinks/ledger.ts'
import { deliverTo, range, span } from '../../src/testing/index.ts'
import { clients } from './dynamodb-kit.ts'
import type { FaultyServer } from './dynamodb-kit.ts'
import { passAll, within, writes } from './dynamodb-target.ts'
import type { Target } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

describe('others at the same time', () => {
  test('D3 D4: a zombie that wakes up late changes nothing and moves no watermark back', async () => {
    let wake: (() => void) | undefined
    const asleep = new Promise<void>((resolve) => (wake = resolve))
    let reached: (() => void) | undefined
    const sleeping = new Promise<void>((resolve) => (reached = resolve))
    await within(
      aws,
      (exchange) => {
        if (exchange.operation !== 'BatchExecuteStatement' || exchange.index > 0) return undefined
        reached!()
        return asleep.then(() => exchange.pass()).then(({ status, body }) => exchange.answer(status, body))
      },
      async (target, through) => {
        const zombie = deliverTo(await target.open({ through }), [range(span(0, 9))])
        await sleeping
        const newer = span(10, 19).map((n) => [n, { id: `0-${n - 10}`, n, note: 'newer' }] as const)
        const { source, records } = range(span(0, 9))
        await deliverTo(await target.open(), [{ source, records: [...records, ...writes(newer).records] }])
        const before = await target.raw()
        wake!()
        const report = await zombie
        expect(report.ranges[0]!.rows).toBe(0)
        expect(await target.raw()).toEqual(before)
        expect((await target.watermark(0))?.next).toBe(20)
      },
    )
  })

  const item = (next: number, epoch = 0): LedgerItem => ({
    epoch,
    next,
    checkpoints: [],
    gaps: [],
    gapCount: 0,
    pending: null,
    generation: 0,
    version: 7,
  })

  test.each<[string, LedgerItem, string | undefined]>([
    ['behind: adds to it, then gives up', item(3), 'WEIR_CONTENDED'],
    ['in another epoch: fails', item(30, 1), 'WEIR_CONTENDED'],
    ['beyond: done', item(30), undefined],
    ['level: done', item(10), undefined],
  ])('D4: the watermark of whoever won the race is %s', async (_, current, code) => {
    await within(aws, passAll, async (target) => {
      let tries = 0
      const lost: LedgerStore = {
        read: () => Promise.resolve(undefined),
        compareAndSet: () => {
          tries++
          return Promise.resolve({ ok: false, current })
        },
      }
      const work = deliverTo(await target.open({ ledger: lost }), [range(span(0, 9))])
      if (code === undefined) await work
      else await expect(work).rejects.toMatchObject({ code, retryable: true })
      expect(tries).toBeLessThanOrEqual(3)
    })
  })

  test('D9: a gap that the winner of the race did not see is added to what stands there', async () => {
    await within(aws, passAll, async (target) => {
      const held: LedgerStore = {
        read: (key, limit) => target.ledger.read(key, limit),
        compareAndSet: async (key, wanted, limit) => {
          if (wanted.version === 1) await deliverTo(await target.open(), [range(span(0, 4))])
          return target.ledger.compareAndSet(key, wanted, limit)
        },
      }
      await deliverTo(await target.open({ ledger: held }), [range([8, 9])])
      expect(await target.watermark(0)).toMatchObject({ next: 10, gaps: [{ first: 5, last: 7 }], version: 2 })
    })
  })
})

describe('how many requests it takes', () => {
  const count = (server: FaultyServer) => {
    const all: Record<string, number> = {}
    for (const operation of server.operations.splice(0)) all[operation] = (all[operation] ?? 0) + 1
    return all
  }
  const replacing = (first: number, last: number, more: object = {}) =>
    writes(span(first, last).map((n) => [n, { id: `0-${n % 600}`, n, note: null, ...more }] as const))
  const numbers = async (target: Target) => (await target.items()).map(({ n }) => Number(n)).sort((a, b) => a - b)

  test('D11: inserts go 25 a request; where keys exist, updates do, then from the start', async () => {
    await within(aws, passAll, async (target, through, server) => {
      const writer = await target.open({ through })
      await deliverTo(writer, [range(span(0, 599))])
      expect(count(server)).toEqual({ BatchExecuteStatement: 24 })
      await deliverTo(writer, [replacing(600, 1199)])
      const { BatchExecuteStatement: both = 0, ...others } = count(server)
      expect(others).toEqual({})
      expect(both).toBeGreaterThan(24)
      expect(both).toBeLessThan(48)
      await deliverTo(writer, [replacing(1200, 1799)])
      expect(count(server)).toEqual({ BatchExecuteStatement: 24 })
      expect(await numbers(target)).toEqual(span(1200, 1799))
    })
  })

  test('D11: keys that turn out new cost an update and a look each, once', async () => {
    await within(
      aws,
      passAll,
      async (target, through, server) => {
        const writer = await target.open({ through })
        await deliverTo(writer, [range(span(0, 599))])
        expect(count(server)).toEqual({ BatchExecuteStatement: 48, BatchGetItem: 6 })
        await deliverTo(writer, [range(span(600, 1199))])
        expect(count(server)).toEqual({ BatchExecuteStatement: 24 })
        expect(await numbers(target)).toEqual(span(0, 1199))
      },
      { updating: true },
    )
  })

  test('D11: items that no update takes are looked at 100 at a time and put; then put from the start', async () => {
    await within(
      aws,
      passAll,
      async (target, through, server) => {
        const writer = await target.open({ through })
        await deliverTo(await target.open(), [range(span(0, 599))])
        const unlike = (first: number) => replacing(first, first + 599, { [`of-${first}.`]: true })
        await deliverTo(writer, [unlike(600)])
        expect(count(server)).toEqual({ BatchGetItem: 6, PutItem: 600 })
        await deliverTo(writer, [unlike(1200)])
        expect(count(server)).toEqual({ PutItem: 600 })
        expect(await numbers(target)).toEqual(span(1200, 1799))
      },
      { updating: true },
    )
  })

  test('D5: a redelivery of what took effect is not written again: it is updated in vain, and looked at', async () => {
    await within(
      aws,
      passAll,
      async (target, through, server) => {
        await deliverTo(await target.open(), [range(span(0, 99))])
        const before = await target.raw()
        const forgetful: LedgerStore = { ...target.ledger, read: () => Promise.resolve(undefined) }
        const again = await target.open({ through, ledger: forgetful })
        await deliverTo(again, [range(span(0, 99))])
        expect(count(server)).toEqual({ BatchExecuteStatement: 4, BatchGetItem: 1 })
        expect(await target.raw()).toEqual(before)
      },
      { updating: true },
    )
  })
})
