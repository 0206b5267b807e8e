/** A thousand messages of every kind, each with the row that it must become: written by hand, not by the code under test. */

export interface Expected {
  readonly key: string | null
  readonly kind: 'json' | 'text' | 'binary' | 'empty' | 'tombstone'
  readonly value: unknown
}

export interface Message {
  /** As text for the console producer; null: no key is possible there, so only bytes have null keys. */
  readonly key: string
  readonly value: string | null
  readonly expected: Expected
}

export interface BinaryMessage {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly expected: Expected
}

type Kind = readonly [value: string | null, kind: Expected['kind'], stored: unknown]

/** What a line can hold. Those marked text look like JSON, but no store, or not every store, could hold them exactly. */
const kinds: readonly Kind[] = [
  [
    '{"a":1,"b":[true,false,null,"é",-2.5e3],"c":{"d":{}}}',
    'json',
    { a: 1, b: [true, false, null, 'é', -2500], c: { d: {} } },
  ],
  ['  { "spaced" : [ 1 , 2 ] }  ', 'json', { spaced: [1, 2] }],
  ['42', 'json', 42],
  ['"quoted"', 'json', 'quoted'],
  ['null', 'json', null],
  ['[]', 'json', []],
  ['{"__proto__":{"x":1}}', 'json', JSON.parse('{"__proto__":{"x":1}}')],
  ['plain text, with "quotes" and \\ backslash', 'text', 'plain text, with "quotes" and \\ backslash'],
  ['Grüße aus 東京 🌊', 'text', 'Grüße aus 東京 🌊'],
  ['   ', 'text', '   '],
  ['{"broken": ', 'text', '{"broken": '],
  ['{"big":12345678901234567890}', 'text', '{"big":12345678901234567890}'],
  ['{"tiny":1e-200}', 'text', '{"tiny":1e-200}'],
  ['{"huge":1e126}', 'text', '{"huge":1e126}'],
  ['-0', 'text', '-0'],
  ['{"a":1,"a":2}', 'text', '{"a":1,"a":2}'],
  [String.raw`{"nul":"\u0000"}`, 'text', String.raw`{"nul":"\u0000"}`],
  [String.raw`{"lone":"\ud800"}`, 'text', String.raw`{"lone":"\ud800"}`],
  [String.raw`{"pair":"\ud83c\udf0a"}`, 'json', { pair: '🌊' }],
  [`${'['.repeat(32)}1${']'.repeat(32)}`, 'text', `${'['.repeat(32)}1${']'.repeat(32)}`],
  [`${'['.repeat(31)}1${']'.repeat(31)}`, 'json', JSON.parse(`${'['.repeat(31)}1${']'.repeat(31)}`)],
  [`"${'x'.repeat(100_000)}"`, 'json', 'x'.repeat(100_000)],
  ['', 'empty', ''],
  [null, 'tombstone', null],
]

const LARGE = 100_000

/** For the console producer: 900 lines. Large ones are few. */
export function lineMessages(count: number): Message[] {
  return Array.from({ length: count }, (_, i) => {
    const [value, kind, stored] = kinds[i % kinds.length]!
    const large = (value?.length ?? 0) > LARGE && i >= kinds.length
    const key = `key-${i} ü`
    return large
      ? { key, value: `"short ${i}"`, expected: { key, kind: 'json', value: `short ${i}` } }
      : { key, value, expected: { key, kind, value: stored } }
  })
}

/** Bytes that no line can hold. */
export function binaryMessages(count: number): BinaryMessage[] {
  return Array.from({ length: count }, (_, i): BinaryMessage => {
    const bytes = Buffer.from([0xff, 0xfe, 0, i & 255, i >> 8, 0x0a, 0x80])
    const nul = Buffer.from(`text with a NUL \0 ${i}`)
    const key = Buffer.from([0xc3, 0x28, i & 255, i >> 8])
    const textKey = `bytes-${i}`
    const marked = `base64:${i}`
    switch (i % 4) {
      case 0:
        return {
          key: Buffer.from(textKey),
          value: bytes,
          expected: { key: textKey, kind: 'binary', value: bytes.toString('base64') },
        }
      case 1:
        return {
          key,
          value: nul,
          expected: { key: `base64:${key.toString('base64')}`, kind: 'binary', value: nul.toString('base64') },
        }
      case 2:
        return {
          key: Buffer.from(marked),
          value: Buffer.from(`two\nlines ${i}`),
          expected: { key: `base64:${Buffer.from(marked).toString('base64')}`, kind: 'text', value: `two\nlines ${i}` },
        }
      default:
        return { key: null, value: Buffer.from(`{"n":${i}}`), expected: { key: null, kind: 'json', value: { n: i } } }
    }
  })
}
