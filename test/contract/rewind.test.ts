/** D13 against invocations that are under way while a sink is rewound: held at the store, and let go afterwards. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { finished, opened, rewoundTo } from '../../src/core/watermark.ts'
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import { CLUSTER, contractRow, deliverTo, range, span, TOPIC } from '../../src/testing/contract-world.ts'
import type { ContractRow } from '../../src/testing/contract-world.ts'
import { clients, deadline, relay } from './dynamodb-kit.ts'
import type { Exchange } from './dynamodb-kit.ts'
import { passAll, within } from './dynamodb-target.ts'
import { someoneWaits, world } from './postgres-world.ts'
import { s3World } from './s3-world.ts'

const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }
const rows = (first: number, last: number) => span(first, last).map((offset) => contractRow(offset))
const byNumber = (all: unknown[]) => (all as ContractRow[]).sort((a, b) => a.n - b.n)

/** Something that waits, and somebody who is told that it does. */
function gate() {
  const arrived = Promise.withResolvers<void>()
  const opening = Promise.withResolvers<void>()
  return {
    arrived: arrived.promise,
    open: () => opening.resolve(),
    pass: async () => {
      arrived.resolve()
      await opening.promise
    },
  }
}

async function rewind(target: RewindTarget, end: number): Promise<() => Promise<void>> {
  const plan = { epoch: 1, target: 0, first: 0, end, removes: true, head: undefined }
  const stale = [{ source, target: 0, epoch: 1 }]
  await target.change(source, (before) => rewoundTo(before, plan), deadline())
  await target.remove(stale, deadline())
  await target.change(source, (before) => before && opened(before), deadline())
  return async () => {
    await target.sweep(stale, deadline())
    await target.change(source, (before) => before && finished(before), deadline())
    await target.close()
  }
}

describe('S3', () => {
  test('D4 D13: an object that was claimed before the rewind, and comes after it, finds its key taken', async () => {
    const at = await s3World()
    await deliverTo(at.open(), [range(span(0, 6))])
    const held = gate()
    const late = at.open({
      objects: {
        ...at.objects,
        put: async (object, until) => {
          await held.pass()
          return at.objects.put(object, until)
        },
      },
    })
    const zombie = deliverTo(late, [range(span(7, 9))])
    await held.arrived
    const finish = await rewind(at.rewind(), 10)
    held.open()
    await expect(zombie).rejects.toMatchObject({ code: 'WEIR_TAKEN_OVER' })
    expect(await at.rows()).toEqual([])
    await deliverTo(at.open(), [range(span(0, 9))])
    await finish()
    expect(byNumber(await at.rows())).toEqual(rows(0, 9))
    expect((await at.stored()).map(({ key }) => key.slice(at.folder.length))).toEqual([
      expect.stringMatching(/^000000-0{16}-9\.e1\./),
    ])
  })

  test('D1 D13: the target is where no object of any output is cut, down as far as the log goes, else up', async () => {
    const at = await s3World()
    for (const [output, first, last] of [
      ['a', 0, 4],
      ['a', 5, 9],
      ['b', 3, 6],
      ['b', 7, 12],
    ] as const) {
      const key = `${at.folder}k=${output}/000000-${String(first).padStart(16, '0')}-${last}.jsonl`
      const mark = { pipeline: 'contract', sink: 'lake', epoch: 0, first, last, void: false, checksum: 'x' }
      const object = { key, mark, records: 1, rows: 1, body: Buffer.from('{}\n'), contentType: 'application/x-ndjson' }
      await at.objects.put(object, deadline())
    }
    const aligned = (target: number, begin: number) => at.rewind().align(source, target, begin, deadline())
    expect(await Promise.all([aligned(8, 0), aligned(8, 4), aligned(13, 0), aligned(10, 6)])).toEqual([0, 13, 13, 13])
  })

  test('D2 D13: an object whose PUT is sent once more after it was removed does not come back', async () => {
    const at = await s3World()
    await deliverTo(at.open(), [range(span(0, 6))])
    const [object] = await at.stored()
    await rewind(at.rewind(), 7)
    const mark = { pipeline: 'contract', sink: 'lake', epoch: 0, first: 0, last: 6, void: false, checksum: 'x' }
    const again = { key: object!.key, mark, records: 7, rows: 7, body: object!.bytes, contentType: 'application/gzip' }
    expect(await at.objects.put(again, deadline())).toEqual({ created: false })
    expect(await at.rows()).toEqual([])
  })
})

describe('PostgreSQL', () => {
  test.each([
    ['keyed', true],
    ['append', false],
  ])('D4 D13: a transaction under way ends first, and what it wrote goes with the rest, %s', async (_, keyed) => {
    await using at = await world(keyed ? { key: ['id'] } : {})
    const writer = await at.open()
    await deliverTo(writer, [range(span(0, 6))])
    await at.sql('BEGIN')
    await at.sql(`LOCK TABLE "${at.table}" IN SHARE MODE`)
    const zombie = deliverTo(writer, [range(span(7, 9))])
    await someoneWaits(at)
    const rewinding = rewind(at.rewind(), 10)
    await at.sql('COMMIT')
    expect((await zombie).ranges[0]!.rows).toBe(3)
    const finish = await rewinding
    expect(await at.rows()).toHaveLength(keyed ? 10 : 0)
    await deliverTo(writer, [range(span(0, 9))])
    await finish()
    expect(byNumber(await at.rows())).toEqual(rows(0, 9))
    expect(await at.sql(`SELECT DISTINCT _epoch FROM "${at.table}"`)).toEqual([{ _epoch: '1' }])
  })
})

describe('DynamoDB', () => {
  let aws: AwsClients
  beforeAll(() => {
    aws = clients()
  })
  afterAll(() => aws.close())

  test('D3 D4 D13: items on their way since before the rewind give way, and their watermark is not moved', async () => {
    const held = gate()
    const hold = async (exchange: Exchange) => {
      await held.pass()
      await relay(exchange)
    }
    await within(
      aws,
      (exchange) => (exchange.operation === 'BatchExecuteStatement' ? hold(exchange) : passAll()),
      async (target, through) => {
        await deliverTo(await target.open(), [range(span(0, 6))])
        const zombie = deliverTo(await target.open({ through }), [range(span(7, 9))])
        await held.arrived
        const finish = await rewind(target.rewind(), 10)
        await deliverTo(await target.open(), [range(span(0, 8))])
        held.open()
        await expect(zombie).rejects.toMatchObject({ code: 'WEIR_CONTENDED' })
        expect((await target.watermark(0))?.next).toBe(9)
        await deliverTo(await target.open(), [range(span(9, 9), { rows: [] })])
        await finish()
        expect(byNumber(await target.items())).toEqual(rows(0, 8)) // 9 has no row any more, and the zombie's is gone
      },
    )
  })
})
