/** What is written comes back as it was, and the guard of the store orders as core/order.ts does. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import { systemPorts } from '../../src/aws/index.ts'
import type { OrderKind, Position } from '../../src/core/order.ts'
import { batchEncoder } from '../../src/sinks/dynamodb/encode.ts'
import { guardOf, supersedes } from '../../src/sinks/dynamodb/guard.ts'
import { dynamodb } from '../../src/sinks/dynamodb/index.ts'
import { createRequests } from '../../src/sinks/dynamodb/requests.ts'
import type { PlacedRow } from '../../src/sinks/dynamodb/requests.ts'
import { CLUSTER, deliverTo, range, sourceRecord, span, TOPIC } from '../../src/testing/index.ts'
import { clients, deadline } from './dynamodb-kit.ts'
import { sinkTarget } from './dynamodb-target.ts'

let aws: AwsClients
beforeAll(() => {
  aws = clients()
})
afterAll(() => aws.close())

const text = fc.string({ unit: 'grapheme', maxLength: 8 })
const number = fc.oneof(
  fc
    .double({ noDefaultInfinity: true, noNaN: true })
    .filter((n) => n === 0 || (Math.abs(n) >= 1e-130 && Math.abs(n) < 1e126)),
  fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
)
const bytes = fc.uint8Array({ maxLength: 8 })
const name = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
  fc.constantFrom('__proto__', 'constructor', "'", '"'),
)
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    text,
    number,
    bytes,
    fc.boolean(),
    fc.constant(null),
    fc.uniqueArray(text, { minLength: 1, maxLength: 4 }).map((members) => new Set(members)),
    fc
      .uniqueArray(number, { minLength: 1, maxLength: 4, selector: (member) => exact(String(member)) })
      .map((members) => new Set(members)),
    fc
      .uniqueArray(bytes, { minLength: 1, maxLength: 4, selector: (member) => Buffer.from(member).toString('hex') })
      .map((members) => new Set(members)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))
const row = fc.dictionary(
  name.filter((each) => each !== 'id' && !each.startsWith('_')),
  value,
  { maxKeys: 5, noNullPrototype: true },
)

/** JavaScript as it is compared: numbers by value as exact text, names sorted. */
function model(of: unknown): unknown {
  if (typeof of === 'number' || typeof of === 'bigint') return `N ${exact(String(of))}`
  if (of instanceof Uint8Array) return `B ${Buffer.from(of).toString('hex')}`
  if (of instanceof Set)
    return ['set', ...[...of].map(model as (member: unknown) => string).sort((a, b) => (a < b ? -1 : 1))]
  if (Array.isArray(of)) return of.map(model)
  if (typeof of !== 'object' || of === null) return of
  const members = Object.entries(of).map(([key, member]) => [key, model(member)] as const)
  return ['map', ...members.sort(([a], [b]) => (a < b ? -1 : 1))]
}

function modelOf(attribute: AttributeValue): unknown {
  if (attribute.S !== undefined) return attribute.S
  if (attribute.N !== undefined) return `N ${exact(attribute.N)}`
  if (attribute.BOOL !== undefined) return attribute.BOOL
  if (attribute.NULL !== undefined) return null
  if (attribute.B !== undefined) return `B ${Buffer.from(attribute.B).toString('hex')}`
  if (attribute.SS !== undefined) return ['set', ...attribute.SS.toSorted((a, b) => (a < b ? -1 : 1))]
  if (attribute.NS !== undefined)
    return ['set', ...attribute.NS.map((member) => `N ${exact(member)}`).sort((a, b) => (a < b ? -1 : 1))]
  if (attribute.BS !== undefined)
    return [
      'set',
      ...attribute.BS.map((member) => `B ${Buffer.from(member).toString('hex')}`).sort((a, b) => (a < b ? -1 : 1)),
    ]
  if (attribute.L !== undefined) return attribute.L.map(modelOf)
  const members = Object.entries(attribute.M ?? {}).map(([key, member]) => [key, modelOf(member)] as const)
  return ['map', ...members.sort(([a], [b]) => (a < b ? -1 : 1))]
}

/** A decimal as digits and exponent, by another way than the sink's: BigInt. */
function exact(of: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(of)!
  let digits = BigInt(whole! + fraction)
  let power = Number(exponent) - fraction.length
  if (digits === 0n) return '0'
  while (digits % 10n === 0n) {
    digits /= 10n
    power++
  }
  return `${sign}${digits}e${power}`
}

test('D2 D6: any row that is accepted comes back as it was, read by the AWS SDK', async () => {
  const target = await sinkTarget(aws)
  const rows = fc.sample(row, { numRuns: 300, seed: 7 }).map((each, i) => Object.assign(each, { id: `row-${i}` }))
  const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }
  const ranges = [{ source, records: rows.map((each, i) => ({ record: sourceRecord(i), rows: [each] })) }]
  const writer = await target.open()
  const prepared = writer.prepare(ranges)
  expect(prepared.refusals).toEqual([])
  await deliverTo(writer, ranges)
  const stored = new Map((await target.raw()).map((item) => [item.id!.S, item]))
  for (const wanted of rows) {
    const item = Object.entries(stored.get(String((wanted as { id: unknown }).id))!).filter(
      ([key]) => !['_src', '_epoch', '_offset', '_index', '_ts', '_shape'].includes(key),
    )
    const got = [
      'map',
      ...item.map(([key, each]) => [key, modelOf(each)] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]
    expect(got).toEqual(model(wanted))
  }
  await target.dispose()
})

test('D6: an item of exactly 400 KB lands; one byte more is refused before writing', async () => {
  const target = await sinkTarget(aws)
  const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }
  const writer = await target.open()
  const rangeOf = (length: number, offset: number) => [
    { source, records: [{ record: sourceRecord(offset), rows: [{ id: `x${offset}`, v: 'x'.repeat(length) }] }] },
  ]
  let low = 400_000
  let high = 409_600
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (writer.prepare(rangeOf(middle, 0)).refusals.length > 0) high = middle
    else low = middle
  }
  const report = await deliverTo(writer, rangeOf(low, 0))
  expect(report.ranges[0]).toMatchObject({ rows: 1, refused: 0 })
  expect(writer.prepare(rangeOf(high, 1)).refusals).toHaveLength(1)
  await target.dispose()
})

describe('the guard', () => {
  const version = fc.constantFrom<(string | number)[]>(1, 2, 10, -1.5)
  const textVersion = fc.constantFrom<(string | number)[]>('a', 'b', 'ab', '\u{ff5e}', '\u{1f600}')
  const position = (versions: fc.Arbitrary<string | number> | undefined): fc.Arbitrary<Position> =>
    fc.record({
      epoch: fc.nat(1),
      src: fc.constantFrom('t/000000', 't/000001'),
      offset: fc.nat(2),
      index: fc.nat(1),
      ts: fc.integer({ min: -1, max: 1 }),
      ...(versions ? { version: versions } : {}),
    })

  test.each<[string, OrderKind, fc.Arbitrary<string | number> | undefined]>([
    ['log', 'log', undefined],
    ['timestamp', 'timestamp', undefined],
    ['version, numbers', 'version', version],
    ['version, text', 'version', textVersion],
    ['version, numbers and text', 'version', fc.oneof(version, textVersion)],
  ])('D3: order by %s: the store and core/order.ts agree on every pair', async (_, order, versions) => {
    const target = await sinkTarget(aws, { order })
    const { options } = dynamodb({ id: 'kv', table: target.table, partitionKey: 'id' })
    const guard = guardOf(order, options.positionAttributes, 'id')
    const requests = createRequests({
      dynamo: aws.dynamodb,
      table: target.table,
      guard,
      positions: options.positionAttributes,
      keyNames: ['id'],
      ports: systemPorts,
      onThrottled: () => undefined,
    })
    const encode = batchEncoder(options, target.table, order)
    const place = (id: string, at: Position): PlacedRow => {
      const source = { cluster: CLUSTER, topic: TOPIC, partition: 0 }
      const own = at.version === undefined ? {} : { versions: [at.version] }
      const encoded = encode([{ source, records: [{ record: sourceRecord(0), rows: [{ id }], ...own }] }])
      return {
        row: encoded.ranges[0]!.records[0]!.rows[0]!,
        position: at,
        range: 0,
        record: 0,
      }
    }
    const pairs = fc.sample(fc.tuple(position(versions), position(versions)), { numRuns: 120, seed: 11 })
    await Promise.all(
      span(0, 7).map(async (lane) => {
        for (const [i, [stored, next]] of pairs.entries()) {
          if (i % 8 !== lane) continue
          await requests.put(place(`k${i}`, stored), deadline())
          const looked = await requests.look([place(`k${i}`, next)], deadline())
          expect([...looked.values()]).toEqual([stored])
          const told = `${JSON.stringify(next)} over ${JSON.stringify(stored)}`
          await requests.put(place(`u${i}`, stored), deadline())
          const updated = await requests.update([place(`u${i}`, next)], deadline())
          const may = next.epoch === stored.epoch && typeof next.version === typeof stored.version
          expect(`${updated.written.length === 1} ${told}`).toBe(`${may && supersedes(order, next, stored)} ${told}`)
          const outcome = await requests.put(place(`k${i}`, next), deadline())
          expect(`${outcome.kind === 'written'} ${told}`).toBe(`${supersedes(order, next, stored)} ${told}`)
          if (outcome.kind === 'kept') expect(outcome.stored).toEqual(stored)
        }
      }),
    )
    await target.dispose()
  })

  test('D3: an item written under another order, without a version, yields to any', async () => {
    const target = await sinkTarget(aws, { order: 'version' })
    const { source, records } = range([0], { rows: [{ id: 'a', n: 0 }] })
    await deliverTo(await target.open({ order: 'log' }), [{ source, records }])
    const later = range([1], { rows: [{ id: 'a', n: 1 }] }).records.map((each) => ({ ...each, versions: [-5] }))
    await deliverTo(await target.open(), [{ source, records: later }])
    expect(await target.items()).toEqual([{ id: 'a', n: 1 }])
    await target.dispose()
  })
})
