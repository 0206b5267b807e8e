import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLogs } from './logs.ts'
import type { LogQuery } from './logs.ts'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weirhouse-logs-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function stream(name: string, lines: readonly [number, string][]): string {
  const file = join(folder, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(file, lines.map(([timestamp, message]) => `${JSON.stringify({ timestamp, message })}\n`).join(''))
  return file
}

async function read(more: Partial<LogQuery> = {}): Promise<string[]> {
  const lines: string[] = []
  for await (const { function: name, stream, timestamp, message } of readLogs({ folder, functions: ['f'], ...more }))
    lines.push(`${timestamp} ${name}/${stream} ${message}`)
  return lines
}

test('streams are merged by time, other functions and files left out', async () => {
  stream('f/a.log', [
    [1, 'one'],
    [4, 'four'],
  ])
  stream('f/b.log', [
    [2, 'two'],
    [3, 'three'],
  ])
  stream('f/notes.txt', [[1, 'no stream']])
  stream('g/a.log', [[1, 'other']])
  expect(await read()).toEqual(['1 f/a one', '2 f/b two', '3 f/b three', '4 f/a four'])
  expect(await read({ functions: ['g', 'f'], since: 3 })).toEqual(['3 f/b three', '4 f/a four'])
})

test('a function that never ran has no lines', async () => expect(await read({ functions: ['none'] })).toEqual([]))

test('ISO times, and lines that are no JSON of that kind: nothing is lost', async () => {
  const file = stream('f/a.log', [])
  appendFileSync(file, '{"timestamp":"1970-01-01T00:00:00.007Z","message":"iso"}\nplain text\n[1]\n')
  expect(await read()).toEqual(['7 f/a iso', '0 f/a plain text', '0 f/a [1]'])
})

test('following goes on with appended lines and new streams, whole lines only, until the signal', async () => {
  const file = stream('f/a.log', [[1, 'one']])
  appendFileSync(file, '{"timestamp":2,"mess')
  const stop = new AbortController()
  const lines: string[] = []
  const following = (async () => {
    for await (const { message } of readLogs({ folder, functions: ['f'], follow: true, signal: stop.signal })) {
      lines.push(message)
      if (message === 'one') {
        appendFileSync(file, 'age":"two"}\n')
        stream('f/b.log', [[3, 'three']])
      }
      if (message === 'three') stop.abort()
    }
  })()
  await following
  expect(lines).toEqual(['one', 'two', 'three'])
})
