import { isDeepStrictEqual } from 'node:util'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { unicode } from '../../../test/support/arbitraries.ts'
import * as fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import type { SourceRecord } from '../record.ts'
import { any, keyText } from './any.ts'
import { bytes } from './bytes.ts'
import { json } from './json.ts'
import { text } from './text.ts'

function record(value: Buffer | string): SourceRecord {
  return {
    topic: 't',
    partition: 0,
    offset: 0,
    timestamp: 0,
    timestampType: 'CREATE_TIME',
    key: null,
    value: Buffer.from(value as string),
    headers: [],
  }
}

const poison = (code: string, reason: string, stage = 'decode') => ({ poison: { stage, code, text: reason } })

describe('any', () => {
  test.each<[string, Buffer | string, kind: string, value: unknown]>([
    ['JSON', '{"a":[1,null]}', 'json', { a: [1, null] }],
    ['a JSON string', '"x"', 'json', 'x'],
    ['null as JSON', 'null', 'json', null],
    ['text', 'plain é 😀', 'text', 'plain é 😀'],
    ['JSON with a byte order mark', '\uFEFF{}', 'text', '\uFEFF{}'],
    ['JSON that loses digits', '12345678901234567890', 'text', '12345678901234567890'],
    ['JSON with NUL escaped', String.raw`"\u0000"`, 'text', String.raw`"\u0000"`],
    ['space', '  ', 'text', '  '],
    ['NUL in text', 'a\0b', 'binary', 'YQBi'],
    ['not UTF-8', Buffer.from([0xff, 0xfe]), 'binary', '//4='],
    ['UTF-8 cut short', Buffer.from('é').subarray(0, 1), 'binary', 'ww=='],
    ['nothing', '', 'empty', ''],
  ])('%s', (_, value, kind, expected) => {
    expect(any().decode(record(value))).toEqual({ value: { kind, value: expected } })
  })

  test('D2: nothing is altered: the bytes come back from text and binary, and equal JSON from JSON', () => {
    const value = fc.oneof(fc.uint8Array(), unicode(), fc.json())
    fc.assert(
      fc.property(value, (given) => {
        const sent = Buffer.from(given as string)
        const decoded = any().decode(record(sent)) as { value: { kind: string; value: unknown } }
        const seen = decoded.value
        if (seen.kind === 'json') expect(isDeepStrictEqual(seen.value, JSON.parse(sent.toString()))).toBe(true)
        else
          expect(sent.equals(Buffer.from(seen.value as string, seen.kind === 'binary' ? 'base64' : 'utf8'))).toBe(true)
      }),
    )
  })
})

describe('keyText', () => {
  test.each<[string, Buffer | null, string | null]>([
    ['none', null, null],
    ['empty', Buffer.alloc(0), ''],
    ['text', Buffer.from('é'), 'é'],
    ['binary', Buffer.from([0xff]), 'base64:/w=='],
    ['NUL', Buffer.from([0]), 'base64:AA=='],
    ['text with the mark', Buffer.from('base64:/w=='), 'base64:YmFzZTY0Oi93PT0='],
  ])('%s', (_, key, expected) => {
    expect(keyText({ key })).toBe(expected)
  })

  test('D2: no two keys share a text: the key comes back from it', () => {
    const key = fc.oneof(
      fc.uint8Array(),
      unicode().map((each) => Buffer.from(each)),
      fc.uint8Array().map((each) => Buffer.from(`base64:${Buffer.from(each).toString('base64')}`)),
    )
    fc.assert(
      fc.property(key, (given) => {
        const seen = keyText({ key: Buffer.from(given) })!
        const [, encoded] = /^base64:(.*)$/.exec(seen) ?? []
        expect(encoded === undefined ? Buffer.from(seen) : Buffer.from(encoded, 'base64')).toEqual(Buffer.from(given))
      }),
    )
  })
})

test('text takes UTF-8 and nothing else', () => {
  expect(text().decode(record('é\0'))).toEqual({ value: 'é\0' })
  expect(text().decode(record(Buffer.from([0xc3])))).toEqual(poison('WEIR_DECODE', 'not valid UTF-8'))
})

test('bytes are the value itself', () => {
  const sent = record(Buffer.from([0xff, 0]))
  expect(bytes().decode(sent)).toEqual({ value: sent.value })
})

describe('json', () => {
  const quake = v.object({ id: v.string(), magnitude: v.number() })

  test('without a schema any JSON passes', () => {
    expect(json().decode(record('[1]'))).toEqual({ value: [1] })
  })

  test('the value is what the schema gives back', () => {
    const schema = v.object({ n: v.pipe(v.string(), v.transform(Number)) })
    expect(json(schema).decode(record('{"n":"5","more":1}'))).toEqual({ value: { n: 5 } })
  })

  test('an asynchronous schema gives a promise', async () => {
    const schema = v.pipeAsync(
      v.string(),
      v.checkAsync((id) => Promise.resolve(id !== 'bad'), 'unknown id'),
    )
    await expect(json(schema).decode(record('"good"'))).resolves.toEqual({ value: 'good' })
    await expect(json(schema).decode(record('"bad"'))).resolves.toEqual(
      poison('WEIR_VALIDATE', 'unknown id', 'validate'),
    )
  })

  const broken = (validate: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 => ({
    '~standard': { version: 1, vendor: 'test', validate },
  })

  test('a schema that throws or rejects makes poison', async () => {
    const throwing = broken(() => {
      throw new Error('odd')
    })
    const rejecting = broken(() => Promise.reject(new Error('late')))
    expect(json(throwing).decode(record('1'))).toEqual(poison('WEIR_VALIDATE', 'the schema threw: odd', 'validate'))
    expect(await json(rejecting).decode(record('1'))).toEqual(
      poison('WEIR_VALIDATE', 'the schema threw: late', 'validate'),
    )
  })

  test.each<[string, Buffer | string, object]>([
    ['not UTF-8', Buffer.from([0xff]), poison('WEIR_DECODE', 'not valid UTF-8')],
    ['N5: no JSON: the text does not quote the payload', 'secret', poison('WEIR_DECODE', 'not valid JSON')],
    ['nothing', '', poison('WEIR_DECODE', 'not valid JSON')],
    [
      'another type, with its path',
      '{"id":"a","magnitude":"big"}',
      poison('WEIR_VALIDATE', 'magnitude: Invalid type: Expected number but received "big"', 'validate'),
    ],
  ])('%s', (_, value, expected) => {
    expect(json(quake).decode(record(value))).toEqual(expected)
  })

  test('of many faults the first three are shown', () => {
    const schema = broken(() => ({
      issues: [1, 2, 3, 4, 5].map((n) => ({ message: `m${n}`, path: ['a', { key: n }] })),
    }))
    expect(json(schema).decode(record('1'))).toEqual(
      poison('WEIR_VALIDATE', 'a.1: m1; a.2: m2; a.3: m3; and 2 more', 'validate'),
    )
  })
})
