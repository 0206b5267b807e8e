import * as v from 'valibot'
import { expect, test } from 'vitest'
import { optionRows } from '../../scripts/docs/options.ts'
import { describe as described, parseOptions } from './options.ts'

const schema = v.strictObject({
  port: described(v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 80), 'Where it listens.', 'port'),
  tags: described(v.optional(v.record(v.string(), v.string())), 'Free words.'),
})

test('what is valid comes back with its defaults', () => {
  expect(parseOptions(schema, {}, 'Test')).toEqual({ port: 80 })
})

test.each<[unknown, string]>([
  [{ port: 0 }, 'Test: port: Expected >=1 but received 0.'],
  [{ port: 0, prot: 1 }, 'Test: port: Expected >=1 but received 0; prot: there is no such option.'],
  [{ tags: { a: 1 } }, 'Test: tags.a: Expected string but received 1.'],
  [undefined, 'Test: value: Expected Object but received undefined.'],
])('%j: %s', (input, message) => {
  expect(() => parseOptions(schema, input, 'Test')).toThrow(message)
})

test('text, unit, type, default and range come from the declaration', () => {
  expect(optionRows(schema)).toEqual([
    {
      path: 'port',
      type: 'whole number',
      fallback: '`80`',
      range: 'from 1 on',
      unit: 'port',
      text: 'Where it listens.',
    },
    { path: 'tags', type: 'map of text', fallback: '', range: '', unit: '', text: 'Free words.' },
  ])
})
