import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { escaped, readable } from './bytes.ts'
import { createIo, toJson } from './io.ts'
import { createProgress } from './progress.ts'
import { table } from './table.ts'

describe('bytes for people', () => {
  test.each([
    ['plain', 'plain'],
    ['grüße €', 'grüße €'],
    ['a\nb\tc\r', String.raw`a\nb\tc\r`],
    [String.raw`back\slash`, String.raw`back\\slash`],
    ['\u001B[31mred', String.raw`\u{1b}[31mred`],
    ['\u202Egnp.exe', String.raw`\u{202e}gnp.exe`],
    ['nul\0', String.raw`nul\u{0}`],
  ])('%j is %s', (text, shown) => expect(escaped(Buffer.from(text))).toBe(shown))

  test('bytes that are no UTF-8 are hexadecimal', () => {
    expect(escaped(Buffer.from([0x61, 0xff, 0x0a, 0x5c]))).toBe(String.raw`a\xff\n\\`)
  })

  test('JSON holds them without loss', () => {
    expect(readable(null)).toEqual({ text: null, encoding: null })
    expect(readable(Buffer.from('\uFEFFbom'))).toEqual({ text: '\uFEFFbom', encoding: 'utf8' })
    expect(readable(Buffer.from([0xff]))).toEqual({ text: '/w==', encoding: 'base64' })
  })
})

describe('tables', () => {
  test('columns under their heads, numbers to the right, no trailing blanks, no colour', () => {
    expect(
      table(
        ['name', 'count', ''],
        [
          ['a', 1, 'x'],
          ['long name', 20, null],
        ],
      ),
    ).toBe('name       count\na              1  x\nlong name     20  -')
  })

  test('without rows the heads alone', () => expect(table(['a', 'b'], [])).toBe('a  b'))

  test('a column with a width breaks at blanks, beside the others', () => {
    const rows = [
      ['a', 'one two three', 'x'],
      ['b', 'four', 'y'],
    ]
    expect(table(['name', 'long', 'end'], rows, { long: 8 })).toBe(
      'name  long      end\na     one two   x\n      three\nb     four      y',
    )
  })

  test('a cell cannot steer the terminal', () => {
    expect(table(['a'], [['x\u001B[2Jy\nz']])).toBe(`a\n${String.raw`x\u001b[2Jy\nz`}`)
  })
})

test('bigints are decimal text in JSON', () => expect(toJson({ a: 2n ** 64n })).toBe('{"a":"18446744073709551616"}'))

function sink(isTTY: boolean) {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString()
      done()
    },
  })
  return { stream: Object.assign(stream, { isTTY }), text: () => text }
}

describe('progress', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a step under a second says nothing, one over it a line, whatever its details do', () => {
    const { stream, text } = sink(false)
    const progress = createProgress(stream)
    progress.show('quick')
    vi.advanceTimersByTime(900)
    progress.show('slow', '0 of 2')
    vi.advanceTimersByTime(900)
    progress.show('slow', '1 of 2')
    vi.advanceTimersByTime(5000)
    progress.show(null)
    vi.advanceTimersByTime(5000)
    expect(text()).toBe('slow ...\n')
  })

  test('on a terminal one line that turns, with details, gone before anything else is written', async () => {
    const { stream, text } = sink(true)
    const out = sink(false)
    const stdin = process.stdin
    const { signal } = new AbortController()
    const io = createIo({ json: false, stack: 's', project: '.', stdin, stdout: out.stream, stderr: stream, signal })
    io.progress('slow', '1 of 2')
    vi.advanceTimersByTime(1200)
    expect(text()).toBe('\r\u001B[K| slow: 1 of 2')
    await io.print('result')
    expect(text()).toBe('\r\u001B[K| slow: 1 of 2\r\u001B[K')
    io.progress(null)
    expect(out.text()).toBe('result\n')
  })
})
