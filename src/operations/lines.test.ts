import { array, assert, asyncProperty, constantFrom } from 'fast-check'
import { expect, test } from 'vitest'
import { linesOf } from './lines.ts'

async function split(chunks: readonly (string | Uint8Array)[]): Promise<[string, boolean][]> {
  const lines: [string, boolean][] = []
  const stream = (async function* () {
    yield* chunks
  })()
  for await (const { bytes, complete } of linesOf(stream)) lines.push([bytes.toString('latin1'), complete])
  return lines
}

test.each<[string, string[], [string, boolean][]]>([
  ['nothing', [], []],
  ['a line', ['a\n'], [['a', true]]],
  [
    'a last line without newline',
    ['a\nb'],
    [
      ['a', true],
      ['b', false],
    ],
  ],
  [
    'empty lines',
    ['\n\na\n'],
    [
      ['', true],
      ['', true],
      ['a', true],
    ],
  ],
  [
    'lines across chunks',
    ['a', 'b', '\nc', '\n', '\n'],
    [
      ['ab', true],
      ['c', true],
      ['', true],
    ],
  ],
  ['carriage returns stay', ['a\r\n'], [['a\r', true]]],
])('%s', async (_, chunks, lines) => expect(await split(chunks)).toEqual(lines))

test('however the bytes are cut, the lines are those of the whole', async () => {
  const chunk = array(constantFrom(0x0a, 0x0d, 0x00, 0x41, 0xff), { maxLength: 6 }).map((bytes) =>
    Uint8Array.from(bytes),
  )
  await assert(
    asyncProperty(array(chunk), async (chunks) => {
      const whole = Buffer.concat(chunks)
      const lines = whole.toString('latin1').split('\n')
      const expected = lines.map((line, i): [string, boolean] => [line, i < lines.length - 1])
      expect(await split(chunks)).toEqual(expected.filter(([line, complete]) => complete || line !== ''))
    }),
  )
})

test('a chunk that is a view of a larger buffer gives its own bytes only', async () => {
  expect(await split([Buffer.from('xxa\nyy').subarray(2, 4)])).toEqual([['a', true]])
})
