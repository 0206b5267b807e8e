/**
 * A week of earthquakes, 1,707 events of the USGS as `vega-datasets` has them; 60 of them are revised twice, and their three
 * revisions come out of order. Five messages are no earthquakes. See docs/decisions/0013-earthquake-samples.md.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { SampleMessage } from 'weirhouse'

interface Feature {
  readonly id: string
  readonly properties: Readonly<{ mag: number; place: string; time: number; updated: number }>
}

/** Every 28th event is revised: 60 of 1,707. */
const REVISED_EVERY = 28
const DAY_MS = 86_400_000
/** In which order the revisions of an event come, 0 being the event as it was first published. */
const orders = [
  [2, 1, 0],
  [0, 2, 1],
  [0, 1, 2],
] as const

/** Revisions of an event stand a third of the topic apart, further than one batch reaches. */
export default function samples(): SampleMessage[] {
  const features = published()
  const revised = features.filter((_, i) => i % REVISED_EVERY === REVISED_EVERY - 1)
  const others = features.filter((feature) => !revised.includes(feature)).map(message)
  const turn = (at: 0 | 1 | 2) => revised.map((feature, n) => message(revision(feature, orders[n % 3]![at])))
  const half = Math.ceil(others.length / 2)
  const events = [...turn(0), ...others.slice(0, half), ...turn(1), ...others.slice(half), ...turn(2)]
  // Not at either end: each has sound neighbours in its batch.
  const apart = Math.floor(events.length / 6)
  return malformed(features[0]!)
    .flatMap((bad, n) => [...events.slice(n * apart, (n + 1) * apart), bad])
    .concat(events.slice(5 * apart))
}

/** The package exports its code alone; the data lie beside it. */
function published(): readonly Feature[] {
  const require = createRequire(import.meta.url)
  const text = readFileSync(join(require.resolve('vega-datasets'), '../../data/earthquakes.json'), 'utf8')
  return (JSON.parse(text) as { readonly features: readonly Feature[] }).features
}

/** As a seismologist leaves it: another magnitude, `updated` later by a day each time. */
function revision(feature: Feature, number: number): Feature {
  if (number === 0) return feature
  const { mag, place, updated } = feature.properties
  const magnitude = Number((mag + number / 10).toFixed(2))
  const changed = { mag: magnitude, title: `M ${magnitude.toFixed(1)} - ${place}`, status: 'reviewed' }
  return { ...feature, properties: { ...feature.properties, ...changed, updated: updated + number * DAY_MS } }
}

function message(feature: Feature): SampleMessage {
  return { key: feature.id, value: JSON.stringify(feature) }
}

/** By what is wrong with them, which is their key. */
function malformed(feature: Feature): SampleMessage[] {
  const { mag, updated, ...rest } = feature.properties
  const made = (properties: object) => JSON.stringify({ ...feature, id: 'malformed', properties })
  const sound = made(feature.properties)
  return [
    { key: 'broken-json', value: sound.slice(0, sound.length / 2) },
    { key: 'missing-field', value: made({ ...rest, mag }) },
    { key: 'wrong-type', value: made({ ...rest, updated, mag: String(mag) }) },
    {
      key: 'invalid-utf-8',
      value: Buffer.from(made({ ...rest, mag, updated, place: 'Popocatépetl, Mexico' }), 'latin1'),
    },
    { key: 'infinite-magnitude', value: sound.replace(`"mag":${mag},`, '"mag":1e999,') },
  ]
}
