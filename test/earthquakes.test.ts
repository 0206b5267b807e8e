/** The pipeline `earthquakes` and its samples, held against the published data that both come from. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import pipeline from '../pipelines/earthquakes.ts'
import samples from '../samples/earthquakes.ts'
import type { SampleMessage } from '../src/index.ts'
import { rowsOf } from '../src/core/rows.ts'
import { partitionOfKey } from '../src/kafka/produce.ts'
import { sourceRecord } from '../src/testing/index.ts'

interface Feature {
  readonly id: string
  readonly properties: Readonly<{ mag: number; place: string; time: number; updated: number }>
  readonly geometry: { readonly coordinates: readonly [number, number, number] }
}

const code = createRequire(import.meta.url).resolve('vega-datasets')
const file = readFileSync(join(code, '../../data/earthquakes.json'), 'utf8')
const { features } = JSON.parse(file) as { readonly features: readonly Feature[] }
const castaic = features[0]!

const rowsFor = (value: string | Buffer | null) =>
  rowsOf(pipeline, { ...sourceRecord(0), value: value === null ? null : Buffer.from(value) })
const messages = samples()
const malformed = messages.filter(({ key }) => !features.some(({ id }) => id === key))

describe('samples', () => {
  const byKey = Map.groupBy(messages, ({ key }) => key as string)

  test('are 1,707 events, 60 of them revised twice, and five messages that are none; the same each time', () => {
    expect(features).toHaveLength(1707)
    expect(messages).toHaveLength(1707 + 2 * 60 + 5)
    expect(malformed).toHaveLength(5)
    const revisions = features.map(({ id }) => byKey.get(id)?.length)
    expect(revisions.filter((count) => count === 3)).toHaveLength(60)
    expect(revisions.filter((count) => count === 1)).toHaveLength(1647)
    expect(samples()).toEqual(messages)
  })

  const publishedIn = ({ value }: SampleMessage) => JSON.parse(value as string) as Feature
  const revised = [...byKey.values()].filter((each) => each.length === 3).map((each) => each.map(publishedIn))

  test('one revision is the event as published; each later one is newer and of another magnitude', () => {
    for (const revisions of revised) {
      const original = features.find(({ id }) => id === revisions[0]!.id)!
      const [first, ...later] = revisions.toSorted((a, b) => a.properties.updated - b.properties.updated)
      expect(first).toEqual(original)
      expect(new Set(revisions.map(({ properties }) => properties.updated)).size).toBe(3)
      expect(new Set(revisions.map(({ properties }) => properties.mag)).size).toBe(3)
      for (const each of later) expect(each.geometry).toEqual(original.geometry)
    }
  })

  test('revisions come newest first, newest between the others, and in turn: 20 each', () => {
    const orders = revised.map((revisions) => {
      const times = revisions.map(({ properties }) => properties.updated)
      return times.map((time) => times.filter((other) => other < time).length).join('')
    })
    const counts = Map.groupBy(orders, (order) => order)
    expect([...counts].map(([order, all]) => [order, all.length])).toEqual([
      ['210', 20],
      ['021', 20],
      ['012', 20],
    ])
  })

  test('revisions of an event lie further apart in their partition than a batch reaches', () => {
    const { partitions, batch } = pipeline.source
    const ends = Array.from({ length: partitions }, () => 0)
    const last = new Map<string, number>()
    const distances: number[] = []
    for (const { key, partition } of messages) {
      expect(partition, 'by key').toBe(undefined)
      const at = ends[partitionOfKey(Buffer.from(key as string), partitions)]!++
      const before = last.get(key as string)
      if (before !== undefined) distances.push(at - before)
      last.set(key as string, at)
    }
    expect(distances).toHaveLength(120)
    expect(Math.min(...distances)).toBeGreaterThan(batch.records)
  })
})

describe('rows', () => {
  test('each published event is one row with the values of the data', async () => {
    for (const feature of features) {
      const { id, properties, geometry } = feature
      const { rows, versions, poison } = await rowsFor(JSON.stringify(feature))
      expect(poison).toBe(undefined)
      const [longitude, latitude, depth] = geometry.coordinates
      expect(rows).toMatchObject([
        { id, magnitude: properties.mag, place: properties.place, longitude, latitude, depth },
      ])
      const [row] = rows as [{ time: string; updated: string }]
      expect([row.time, row.updated].map((text) => Date.parse(text))).toEqual([properties.time, properties.updated])
      expect(versions).toEqual([row.updated])
    }
  })

  test('versions order as the times do', async () => {
    const times = features.map(({ properties }) => properties.updated).toSorted((a, b) => a - b)
    const versions: string[] = []
    for (const updated of [...times, Date.UTC(9999, 0)]) {
      const feature = { ...castaic, properties: { ...castaic.properties, updated } }
      versions.push(String((await rowsFor(JSON.stringify(feature))).versions![0]))
    }
    expect(versions.toSorted()).toEqual(versions)
  })

  test.each([
    ['4km W of Castaic, CA', 'CA'],
    ['21km SSE of Progreso, B.C., MX', 'MX'],
    ['Gulf of Alaska', 'Gulf of Alaska'],
    ['Banda Sea', 'Banda Sea'],
    [' 3km E of Etna ,  Italy ', 'Italy'],
    ['somewhere,', 'somewhere,'],
    [',', ','],
  ])('the region of %j is %j', async (place, region) => {
    const feature = { ...castaic, properties: { ...castaic.properties, place } }
    expect(await rowsFor(JSON.stringify(feature))).toMatchObject({ rows: [{ place: place.trim(), region }] })
  })
})

describe('what is no earthquake', () => {
  test.each([
    ['broken-json', 'WEIR_DECODE', 'not valid JSON'],
    ['missing-field', 'WEIR_VALIDATE', 'properties.updated: '],
    ['wrong-type', 'WEIR_VALIDATE', 'properties.mag: Invalid type: Expected number but received "2"'],
    ['invalid-utf-8', 'WEIR_DECODE', 'not valid UTF-8'],
    ['infinite-magnitude', 'WEIR_VALIDATE', 'properties.mag: Invalid value: Expected <=12 but received Infinity'],
  ])('the sample %s is refused with %s: %s', async (key, wanted, reason) => {
    const { value } = malformed.find((each) => each.key === key)!
    const { rows, poison } = await rowsFor(value)
    expect(rows).toEqual([])
    expect(poison).toMatchObject({ code: wanted, text: expect.stringContaining(reason) as string })
  })

  const changed = (properties: object) => ({ ...castaic, properties: { ...castaic.properties, ...properties } })
  const at = (...coordinates: unknown[]) => ({ ...castaic, geometry: { coordinates } })
  test.each<[what: string, value: unknown, path: string]>([
    ['an empty id', { ...castaic, id: '' }, 'id'],
    ['an id that is a number', { ...castaic, id: 7 }, 'id'],
    ['no place', changed({ place: null }), 'properties.place'],
    ['a blank place', changed({ place: ' ' }), 'properties.place'],
    ['a time with a fraction', changed({ time: 1517966773840.5 }), 'properties.time'],
    ['a time in microseconds', changed({ time: 1517966773840000 }), 'properties.time'],
    ['a time as text', changed({ updated: '2018-02-07' }), 'properties.updated'],
    ['a magnitude beyond the strongest', changed({ mag: 12.1 }), 'properties.mag'],
    ['a magnitude beyond the weakest', changed({ mag: -5.1 }), 'properties.mag'],
    ['a longitude off the globe', at(180.1, 0, 0), 'geometry.coordinates.0'],
    ['a latitude off the globe', at(0, -90.1, 0), 'geometry.coordinates.1'],
    ['a depth in metres', at(0, 0, 26_490), 'geometry.coordinates.2'],
    ['coordinates without depth', at(0, 0), 'geometry.coordinates.2'],
    ['a list of events', [castaic], ''],
  ])('%s is refused', async (_, value, path) => {
    const { rows, poison } = await rowsFor(JSON.stringify(value))
    expect(rows).toEqual([])
    expect(poison).toMatchObject({ stage: 'validate', code: 'WEIR_VALIDATE' })
    expect(poison!.text).toContain(path)
  })

  test('the bounds themselves are sound, and so is what the feed has beyond', async () => {
    const limits = [changed({ mag: 12 }), changed({ mag: -5, more: 1 }), at(-180, 90, 1000), at(180, -90, -10, 'more')]
    for (const value of limits) expect((await rowsFor(JSON.stringify(value))).rows).toHaveLength(1)
  })

  test('a tombstone is nothing: the feed deletes no event', async () => {
    expect(await rowsFor(null)).toEqual({ rows: [] })
  })
})
