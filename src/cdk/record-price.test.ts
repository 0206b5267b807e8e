import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import demo from '../../pipelines/demo.ts'
import { defineConfig } from '../config/define.ts'
import type { EnvironmentInput } from '../config/environments.ts'
import { any, pipeline } from '../index.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { postgres } from '../sinks/postgres/index.ts'
import { s3 } from '../sinks/s3/index.ts'
import { priceOfMillion } from './record-price.ts'
import type { RecordPrice } from './record-price.ts'
import { settingsOf } from './settings.ts'

const settings = (environment: EnvironmentInput = { preset: 'minimal' }) =>
  settingsOf('e', defineConfig({ pipelines: ['./p.ts'], environments: { e: environment } }).environments['e']!)
const quantities = ({ lines }: RecordPrice) => Object.fromEntries(lines.map(({ what, quantity }) => [what, quantity]))

describe('the pipeline of the brief, by hand', () => {
  const price = priceOfMillion(demo, settings())

  test('a batch of 1000, half full, makes 2000 invocations, each of both partitions', () => {
    expect(price.recordsAnInvocation).toBe(500)
    expect(quantities(price)).toEqual({
      Invocations: 2000,
      // 100 ms, and 1500 rows of 0.1 ms at 512 of 1769 MB: 0.6183 s; times half a GB, times 2000
      'Time of the function': 618.2617,
      'Objects of lake': 4000,
      'Ledger of lake': 8000,
      'Ledger of lake, read': 4000,
      'Items of kv': 1_000_000, // 650 bytes: one unit each
      'Watermark of kv': 4000,
      'Watermark of kv, read': 4000,
      'Events through NAT': 0.918, // 4 x 167 + 250 bytes
      'Read across zones': 0.25, // half of 0.5 GB
    })
  })

  test('prices', () => {
    const usd = Object.fromEntries(price.lines.map((line) => [line.what, line.usd]))
    expect(usd).toMatchObject({
      Invocations: 0.0004, // 0.002 x 0.20
      'Time of the function': 0.0082,
      'Objects of lake': 0.02, // 4 x 0.005
      'Ledger of lake': 0.005, // 0.008 x 0.625
      'Items of kv': 0.625,
      'Events through NAT': 0.0413, // 0.918 x 0.045
      'Read across zones': 0.005, // 0.25 x 0.02
    })
    expect(price.usd).toBe(0.7084)
  })
})

const sinks = [
  s3({ id: 'lake' }),
  postgres({ id: 'sql', table: 't', columns: { a: 'text' } }),
  dynamodb({
    id: 'kv',
    table: 'items',
    partitionKey: 'a',
    indexes: { one: { partitionKey: 'b' }, two: { partitionKey: 'c' } },
  }),
]
const definition = (records: number, partitions: number, memoryMb: number) =>
  pipeline({
    name: 'p',
    source: { topic: 't', partitions, batch: { records } },
    function: { memoryMb },
    decode: any(),
    sinks,
  })

test('each index is a write more an item; PostgreSQL is paid by the hour alone', () => {
  const price = priceOfMillion(definition(1000, 2, 512), settings())
  expect(quantities(price)['Items of kv']).toBe(3_000_000)
  expect(price.lines.filter(({ what }) => what.includes('sql'))).toEqual([])
})

test('an event holds no more than 6 MiB, whatever the batch', () => {
  const price = priceOfMillion(definition(10_000, 1, 512), settings())
  expect(price.recordsAnInvocation).toBe(3426) // half of 6291456 / 918
})

test('provisioned pollers send nothing through NAT', () => {
  const price = priceOfMillion(demo, settings({ preset: 'minimal', poller: {} }))
  expect(quantities(price)).not.toHaveProperty('Events through NAT')
})

test('fewer partitions never cost more, and a larger batch no more than what rounding adds', () => {
  const shape = fc.tuple(fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 2, max: 100 }))
  fc.assert(
    fc.property(shape, fc.integer({ min: 128, max: 10_240 }), ([records, partitions], memoryMb) => {
      const usd = (r: number, p: number) => priceOfMillion(definition(r, p, memoryMb), settings()).usd
      const base = usd(records, partitions)
      expect(base).toBeGreaterThan(0)
      expect(usd(records, partitions - 1)).toBeLessThanOrEqual(base)
      expect(usd(records + 1000, partitions)).toBeLessThanOrEqual(base + 0.001)
    }),
  )
})
