/** A thousand messages of every kind that `demo` tells apart, the same each time. */
import { createHash } from 'node:crypto'
import type { SampleMessage } from 'weirhouse'

const COUNT = 1000
const LARGE_TEXT = 40_000
const cities = ['Zürich', 'São Paulo', 'Kraków', '東京', 'Reykjavík', 'Nairobi']

type Maker = (n: number) => SampleMessage

const makers: readonly Maker[] = [
  (n) => ({
    key: `order-${n % 97}`,
    value: JSON.stringify({ order: n, city: cities[n % cities.length], total: n * 1.25, paid: n % 3 === 0 }),
  }),
  (n) => ({
    key: `sensor-${n % 13}`,
    value: JSON.stringify({ readings: [n, n / 8, -n], unit: '°C', nested: { deep: [[{ n }]] } }, null, 2),
  }),
  (n) => ({ value: `plain text number ${n} from ${cities[n % cities.length]}` }),
  (n) => ({ key: `bytes-${n}`, value: createHash('sha512').update(String(n)).digest() }),
  (n) => ({ key: `text-with-nul-${n}`, value: `before\0after ${n}` }),
  (n) => ({
    key: `precise-${n}`,
    value: `{"amount": 12345678901234567890.${n}, "note": "more digits than a double holds"}`,
  }),
  (n) => ({ key: `tombstone-${n}`, value: null }),
  (n) => ({
    key: createHash('md5').update(String(n)).digest(),
    value: '',
    headers: [
      ['trace', String(n)],
      ['trace', Buffer.from([0, 255])],
    ],
  }),
  (n) => ({ key: `large-${n}`, value: JSON.stringify({ n, text: 'weir '.repeat(LARGE_TEXT / 5) }) }),
  (n) => ({ value: String(n) }),
]

export default function samples(): SampleMessage[] {
  return Array.from({ length: COUNT }, (_, n) => {
    // Large ones are rare: one in a hundred messages.
    const maker = n % 10 === 8 && n % 100 !== 8 ? makers[0]! : makers[n % makers.length]!
    return maker(n)
  })
}
