import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { pipeline, text } from '../index.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { postgres } from '../sinks/postgres/index.ts'
import { s3 } from '../sinks/s3/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { standIn, REACHED, unreached } from './unreached.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-unreached-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe.each(Object.keys(REACHED))('in place of %s', (path) => {
  test('stands whatever it exports, and throws', async () => {
    const file = new URL(`../${path}.ts`, import.meta.url)
    const code = standIn(path, readFileSync(file, 'utf8'))
    const inPlace = join(folder, `${path.replaceAll('/', '-')}.mjs`)
    writeFileSync(inPlace, code)
    const stand = (await import(pathToFileURL(inPlace).href)) as Record<string, () => unknown>
    const real = (await import(file.href)) as object
    expect(Object.keys(stand).sort()).toEqual(Object.keys(real).sort())
    for (const each of Object.values(stand)) expect(each).toThrow(`${path} was left out of this function`)
  })
})

const bare: Readonly<Record<string, SinkDefinition>> = {
  s3: s3({ id: 'a' }),
  postgres: postgres({ id: 'b', table: 't', key: ['k'], columns: { k: 'text', n: 'double precision' } }),
  dynamodb: dynamodb({ id: 'c', table: 'table', partitionKey: 'k' }),
}
const columns = (type: string) => postgres({ id: 'b', table: 't', columns: { a: type } })
const table = (more: object) => dynamodb({ id: 'c', table: 'table', partitionKey: 'k', ...more })
const tombstones = (more: object) =>
  pipeline({ name: 'x', source: { topic: 't' }, decode: text(), sinks: [bare.postgres!], ...more })

test.each<[string, { readonly options: unknown } | ReturnType<typeof pipeline>, string[]]>([
  ['decimal numbers', columns('numeric(10, 2) not null'), ['sinks/postgres/numeric']],
  ['decimal numbers, spelled otherwise', columns('NUMERIC'), ['sinks/postgres/numeric']],
  ['days', columns('date'), ['sinks/postgres/date', 'sinks/postgres/time']],
  ['moments', columns('Timestamptz'), ['sinks/postgres/time']],
  ['moments without an offset', columns('timestamp'), ['sinks/postgres/time']],
  ['arrays', columns('text[] not null'), ['sinks/postgres/encode-array']],
  ['whole numbers', columns('BigInt'), ['sinks/postgres/encode-integer']],
  ['bytes', columns('bytea'), ['sinks/postgres/encode-other']],
  ['JSON', columns('jsonb'), ['sinks/postgres/encode-json']],
  ['bytes as they are', s3({ id: 'a', format: 'raw-length' }), ['sinks/s3/raw']],
  ['appending', table({ append: true }), ['sinks/dynamodb/additions']],
  ['times to live', table({ timeToLive: {} }), ['sinks/dynamodb/additions']],
  [
    'deletes',
    tombstones({ tombstone: 'delete', keyOf: () => ({}) }),
    ['core/delete-keys', 'sinks/postgres/delete-batch', 'sinks/postgres/deletes', 'sinks/dynamodb/markers'],
  ],
  ['tombstones that are kept', tombstones({ tombstone: 'keep' }), []],
])('%s: what is asked for is reached', (_, definition, reached) => {
  const options = 'options' in definition ? definition.options : definition
  const all = [...Object.values(bare), { options }].map((each) => ({ options: each.options as object, code: null }))
  expect(unreached(all)).toEqual(Object.keys(REACHED).filter((path) => !reached.includes(path)))
})

test('output partitions are code', () => {
  const options = bare.s3!.options as object
  expect(unreached([{ options, code: { partition: 'function' } }])).not.toContain('sinks/s3/parted')
  expect(unreached([{ options, code: { partition: 'undefined' } }])).toContain('sinks/s3/parted')
})
