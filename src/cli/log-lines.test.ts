import { expect, test } from 'vitest'
import type { LogLine } from '../operations/logs.ts'
import { readableLine, readableMessage } from './log-lines.ts'

const batch = {
  timestamp: '2026-01-31T12:00:00.000Z',
  level: 'INFO',
  message: 'batch delivered',
  requestId: 'r-1',
  pipeline: 'demo',
  milliseconds: 12,
  cold: false,
  deadLetters: 0,
  partitions: [{ partition: 0, first: 0, last: 9 }],
  sinks: { lake: { rows: 10, duplicates: 0 }, sql: { rows: 0 } },
}

test.each<[string, unknown, string | undefined]>([
  ["Lambda's own lines stay", 'START RequestId: r-1 Version: $LATEST', 'START RequestId: r-1 Version: $LATEST'],
  ['but for what ends them', 'REPORT RequestId: r-1\tDuration: 1.00 ms\t', 'REPORT RequestId: r-1\tDuration: 1.00 ms'],
  ['console.log', '2026-01-31T12:00:00.000Z\tr-1\tINFO\thello\tyou', 'hello\tyou'],
  ['console.error', '2026-01-31T12:00:00.000Z\tr-1\tERROR\tno\n    at x', 'ERROR no\n    at x'],
  [
    'a handler that threw, with its stack',
    '2026-01-31T12:00:00.000Z\tr-1\tERROR\tInvoke Error \t{"errorType":"E","errorMessage":"no","stack":["E: no","    at x"]}',
    'ERROR Invoke Error: E: no\n    at x',
  ],
  ['metrics are not shown', { _aws: {}, Records: 1 }, undefined],
  [
    'fields stand after the message, zeros within them left out',
    batch,
    'batch delivered milliseconds=12 cold=false deadLetters=0 partitions=[{partition: 0, first: 0, last: 9}] sinks={lake: {rows: 10}, sql: {}}',
  ],
  [
    'levels but INFO are named',
    { level: 'WARN', message: 'again', why: 'x y', tries: 2 },
    'WARN again why="x y" tries=2',
  ],
  ['a level alone', { level: 'ERROR', message: 'a.ts:1:2: Unexpected "}"' }, 'ERROR a.ts:1:2: Unexpected "}"'],
  ['JSON of somebody else', { a: 1 }, '{"a":1}'],
  ['what only begins like JSON', '{ not json', '{ not json'],
])('%s', (_, message, text) => {
  expect(readableMessage({ message: typeof message === 'string' ? message : JSON.stringify(message) })).toBe(text)
})

test('a line begins with time and name, and its further lines stand under its text', () => {
  const timestamp = new Date(2026, 0, 31, 9, 5, 7, 40).getTime()
  const line: LogLine = { function: 'weirhouse-demo', stream: 's', timestamp, message: 'one\ntwo' }
  expect(readableLine(line, () => 'demo')).toBe('09:05:07.040 demo  one\n                   two')
  expect(readableLine({ ...line, message: '{"_aws":{}}' }, () => 'demo')).toBeUndefined()
})
