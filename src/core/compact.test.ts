import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compact } from './compact.ts'
import { isNewer } from './order.ts'
import type { OrderKind, Position } from './order.ts'

const at = (offset: number, more: Partial<Position> = {}): Position => ({
  epoch: 0,
  src: 't/000000',
  offset,
  index: 0,
  ts: 0,
  ...more,
})
const row = (key: string, position: Position) => ({ key, position })
const keyOf = ({ key }: { key: string }) => key

describe('D3: compaction keeps the newest row of a key', () => {
  test('one row a key: all stay, in the order given', () => {
    const rows = [row('b', at(1)), row('a', at(2))]
    expect(compact(rows, keyOf, 'log')).toEqual(rows)
  })

  test("'log': the higher offset wins within a source, the later timestamp between sources", () => {
    const old = row('a', at(1, { ts: 9 }))
    const late = row('a', at(2, { ts: 5 }))
    const other = row('a', at(7, { src: 't/000001', ts: 6 }))
    expect(compact([old, late], keyOf, 'log')).toEqual([late])
    expect(compact([late, other], keyOf, 'log')).toEqual([other])
  })

  test('rows of one record: the later index wins', () => {
    const rows = [row('a', at(1)), row('a', at(1, { index: 1 }))]
    expect(compact(rows, keyOf, 'log')).toEqual([rows[1]])
  })

  test("'version': the higher version wins whatever the offset; a newer epoch before all", () => {
    const high = row('a', at(1, { version: 10 }))
    const low = row('a', at(2, { version: 9 }))
    const rebuilt = row('a', at(0, { version: 1, epoch: 1 }))
    expect(compact([high, low], keyOf, 'version')).toEqual([high])
    expect(compact([high, low, rebuilt], keyOf, 'version')).toEqual([rebuilt])
  })

  test("'version': texts by code point, as every store orders them; numbers before texts", () => {
    const byVersion = ['\u{1f30b}', 2, '\uff61', 'b', 10, 'ab', 'a'].map((version, i) => at(i, { version }))
    byVersion.sort((a, b) => (isNewer('version', a, b) ? 1 : -1))
    expect(byVersion.map(({ version }) => version)).toEqual([2, 10, 'a', 'ab', 'b', '\uff61', '\u{1f30b}'])
  })

  test.each<OrderKind>(['timestamp', 'version'])('%s is total: the winners do not depend on arrival', (order) => {
    const position = fc.record({
      epoch: fc.nat(1),
      src: fc.constantFrom('t/000000', 't/000001'),
      offset: fc.nat(5),
      index: fc.nat(1),
      ts: fc.nat(3),
      version: fc.nat(2),
    })
    const rows = fc.uniqueArray(fc.record({ key: fc.constantFrom('a', 'b', 'c'), position }), {
      maxLength: 30,
      // one row stands at a position of a log, once
      selector: ({ position: { src, offset, index } }) => `${src} ${offset} ${index}`,
    })
    fc.assert(
      fc.property(rows, (given) => {
        const winners = compact(given, keyOf, order)
        const backwards = compact(given.toReversed(), keyOf, order)
        expect(new Map(winners.map((each) => [each.key, each.position]))).toEqual(
          new Map(backwards.map((each) => [each.key, each.position])),
        )
        for (const winner of winners)
          for (const each of given)
            if (each.key === winner.key) expect(isNewer(order, each.position, winner.position)).toBe(false)
      }),
    )
  })
})
