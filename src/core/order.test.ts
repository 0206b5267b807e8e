import { unicode } from '../../test/support/arbitraries.ts'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isNewer, positionOf } from './order.ts'
import type { OrderKind, Position } from './order.ts'

const small = fc.nat(3)
const version = fc.oneof(small, fc.constantFrom('', 'a', 'b', 'é', '\uFF61', '😀'))
const position: fc.Arbitrary<Position> = fc.record({
  epoch: fc.nat(1),
  src: fc.constantFrom('t/000000', 't/000001', 't/000010'),
  offset: small,
  index: fc.nat(1),
  ts: small,
  version,
})
const same = (a: Position, b: Position) =>
  a.epoch === b.epoch && a.src === b.src && a.offset === b.offset && a.index === b.index

/** Two rows at one place are one row: what one place holds is one record. */
const consistent = (...all: Position[]) =>
  all.every((a) => all.every((b) => !same(a, b) || (a.ts === b.ts && a.version === b.version)))

const runs = { numRuns: 500 }

describe.each<OrderKind>(['timestamp', 'version'])('D3: under %s the order is total', (order) => {
  test('D3: of two rows exactly one is newer, and none than itself', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        fc.pre(consistent(a, b))
        expect(isNewer(order, a, a)).toBe(false)
        expect(Number(isNewer(order, a, b)) + Number(isNewer(order, b, a))).toBe(same(a, b) ? 0 : 1)
      }),
      runs,
    )
  })

  test('D3: transitive', () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        fc.pre(consistent(a, b, c))
        if (isNewer(order, a, b) && isNewer(order, b, c)) expect(isNewer(order, a, c)).toBe(true)
      }),
      runs,
    )
  })

  test('D3: whichever way rows come, the same one stays', () => {
    fc.assert(
      fc.property(fc.array(position, { minLength: 1, maxLength: 6 }), (rows) => {
        fc.pre(consistent(...rows))
        const stays = (list: readonly Position[]) =>
          list.reduce((kept, row) => (isNewer(order, row, kept) ? row : kept))
        expect(same(stays(rows), stays(rows.toReversed()))).toBe(true)
      }),
      runs,
    )
  })
})

describe("D3: under 'log'", () => {
  test('D3: antisymmetric everywhere, and total within one source', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        fc.pre(consistent(a, b))
        expect(isNewer('log', a, a)).toBe(false)
        expect(Number(isNewer('log', a, b)) + Number(isNewer('log', b, a))).toBe(same(a, b) ? 0 : 1)
        if (a.epoch === b.epoch && a.src === b.src && a.offset !== b.offset)
          expect(isNewer('log', a, b)).toBe(a.offset > b.offset)
      }),
      runs,
    )
  })

  test('D3: over several partitions it can turn in a circle, where timestamps run backwards within one', () => {
    const early = { epoch: 0, src: 't/000000', offset: 1, index: 0, ts: 30 }
    const late = { epoch: 0, src: 't/000000', offset: 2, index: 0, ts: 10 }
    const other = { epoch: 0, src: 't/000001', offset: 5, index: 0, ts: 20 }
    expect([isNewer('log', late, early), isNewer('log', other, late), isNewer('log', early, other)]).toEqual([
      true,
      true,
      true,
    ])
  })
})

const at = (changes: Partial<Position> = {}): Position => ({
  epoch: 0,
  src: 't/000001',
  offset: 5,
  index: 0,
  ts: 100,
  version: 1,
  ...changes,
})

test.each<[string, OrderKind, newer: Partial<Position>, older: Partial<Position>]>([
  ['epoch before all: log', 'log', { epoch: 1, offset: 0 }, { offset: 9 }],
  ['epoch before all: timestamp', 'timestamp', { epoch: 1, ts: 0 }, { ts: 9 }],
  ['epoch before all: version', 'version', { epoch: 1, version: 0 }, { version: 9 }],
  ['log: offset before timestamp', 'log', { offset: 6, ts: 1 }, { offset: 5, ts: 9 }],
  ['log: another partition by timestamp', 'log', { src: 't/000000', offset: 0, ts: 101 }, { offset: 9 }],
  ['log: equal timestamps by partition', 'log', { src: 't/000010' }, { src: 't/000009' }],
  ['timestamp before offset', 'timestamp', { offset: 1, ts: 101 }, { offset: 9 }],
  ['timestamp: equal ones by partition', 'timestamp', { src: 't/000010', offset: 0 }, { src: 't/000002' }],
  ['timestamp: then by offset', 'timestamp', { offset: 6 }, {}],
  ['version before timestamp', 'version', { version: 2, ts: 1 }, { version: 1 }],
  ['version: numbers, not texts', 'version', { version: 10 }, { version: 9 }],
  ['version: texts, not numbers', 'version', { version: '9' }, { version: '10' }],
  ['version: equal ones by timestamp', 'version', { ts: 101, offset: 1 }, {}],
  ['rows of one record by index', 'log', { index: 1 }, {}],
])('D3: %s', (_, order, newer, older) => {
  expect([isNewer(order, at(newer), at(older)), isNewer(order, at(older), at(newer))]).toEqual([true, false])
})

test('D3: versions that are texts order as UTF-8 bytes do in both databases', () => {
  fc.assert(
    fc.property(unicode(), unicode(), (a, b) => {
      const byBytes = Buffer.compare(Buffer.from(a), Buffer.from(b))
      fc.pre(byBytes !== 0)
      expect(isNewer('version', at({ version: a }), at({ version: b }))).toBe(byBytes > 0)
    }),
    runs,
  )
})

test('a position says where the row stands', () => {
  const record = {
    topic: 'a-b',
    partition: 7,
    offset: 3,
    timestamp: 99,
    timestampType: 'CREATE_TIME',
    key: null,
    value: null,
    headers: [],
  } as const
  expect(positionOf('a-b/000007/12345678', record, 2, 1)).toEqual({
    epoch: 1,
    src: 'a-b/000007/12345678',
    offset: 3,
    index: 2,
    ts: 99,
  })
  expect(positionOf('a-b/000007/12345678', record, 2, 1, 'v')).toMatchObject({ version: 'v' })
})
