import { expect, test } from 'vitest'
import * as v from 'valibot'
import { json } from '../core/decode/json.ts'
import { pipeline } from '../core/pipeline.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { memory, memoryStore } from '../sinks/memory.ts'
import { postgres } from '../sinks/postgres/index.ts'
import { s3 } from '../sinks/s3/index.ts'
import { openTrial } from './try.ts'
import type { TriedInput } from './try.ts'

const Reading = v.object({ id: v.string(), n: v.number(), deep: v.optional(v.object({ x: v.array(v.number()) })) })
const tried = pipeline({
  name: 'tried',
  source: { topic: 't' },
  decode: json(Reading),
  transform: async ({ id, n }, record) => {
    if (n === 13) throw new Error('thirteen')
    return n < 0 ? [] : [{ id, n: n === 7 ? BigInt(n) : n, at: record.offset, key: record.key?.toString() ?? null }]
  },
  order: ({ n }) => Number(n),
  sinks: [
    s3({ id: 'lake' }),
    postgres({
      id: 'sql',
      table: 't',
      columns: { id: 'text', small: 'smallint' },
      row: ({ id, n }: { id: string; n: number }) => {
        if (n === 99) throw new Error('no row for 99')
        return { id, small: n }
      },
    }),
    dynamodb({ id: 'kv', table: 'ttt', partitionKey: 'id' }),
    memory({ id: 'any', store: memoryStore() }),
  ],
})

const input = (value: string | null, line = 1): TriedInput => ({
  line,
  key: Buffer.from('k'),
  value: value === null ? null : Buffer.from(value),
  headers: [],
  timestamp: 0,
})
const faultsOf = async (value: string | null) => (await (await openTrial(tried))(input(value))).faults

test("rows are shown as each sink's own row(...) makes them, with their versions", async () => {
  const attempt = await openTrial(tried)
  const plain = { id: 'a', n: 1, at: 0, key: 'k' }
  expect(await attempt(input('{"id":"a","n":1}', 4))).toEqual({
    line: 4,
    tombstone: false,
    versions: [1],
    faults: [],
    rows: [
      { sink: 'lake', mapped: false, rows: [plain] },
      { sink: 'sql', mapped: true, rows: [{ id: 'a', small: 1 }] },
      { sink: 'kv', mapped: false, rows: [plain] },
      { sink: 'any', mapped: false, rows: [plain] },
    ],
  })
  const next = await attempt(input('{"id":"a","n":-1}'))
  expect(next.rows.map(({ rows }) => rows)).toEqual([[], [], [], []])
  expect((await attempt(input(null))).tombstone).toBe(true)
  // The offset counts records, whatever became of them.
  expect((await attempt(input('{"id":"b","n":2}'))).rows[0]!.rows).toMatchObject([{ at: 3 }])
})

test.each<[string, string, { sink: string; stage: string; code: string; text: unknown }[]]>([
  [
    'what is no JSON, with where it goes wrong',
    '{"id": x}',
    [{ sink: '*', stage: 'decode', code: 'WEIR_DECODE', text: expect.stringMatching(/^not valid JSON: .*x/) }],
  ],
  [
    'what does not fit the schema, with the path inside',
    '{"id":"a","n":1,"deep":{"x":[1,"2"]}}',
    [{ sink: '*', stage: 'validate', code: 'WEIR_VALIDATE', text: expect.stringMatching(/^deep\.x\.1: /) }],
  ],
  [
    'a transform that throws',
    '{"id":"a","n":13}',
    [{ sink: '*', stage: 'transform', code: 'WEIR_TRANSFORM', text: 'thirteen' }],
  ],
  [
    'a row(...) that throws',
    '{"id":"a","n":99}',
    [{ sink: 'sql', stage: 'transform', code: 'WEIR_TRANSFORM', text: 'no row for 99' }],
  ],
  [
    'what a column cannot hold',
    '{"id":"a","n":70000}',
    [
      {
        sink: 'sql',
        stage: 'encode',
        code: 'WEIR_ENCODE',
        text: 'column "small" (smallint): out of the range -32768 to 32767',
      },
    ],
  ],
  [
    'what JSON does not hold',
    '{"id":"a","n":7}',
    [{ sink: 'lake', stage: 'encode', code: 'WEIR_ENCODE', text: expect.stringContaining('a bigint') }],
  ],
  [
    'a key that is empty',
    '{"id":"","n":1}',
    [{ sink: 'kv', stage: 'encode', code: 'WEIR_ENCODE', text: 'id: the key is empty' }],
  ],
])('a dead letter: %s', async (_, value, faults) => {
  expect(await faultsOf(value)).toEqual(faults)
})
