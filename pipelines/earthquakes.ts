/**
 * Earthquakes as the USGS publishes them: one GeoJSON feature a message, and the same event again whenever it is revised.
 * Both databases hold the newest revision of each event, S3 holds every revision, by the day on which it arrived.
 */
import * as v from 'valibot'
import { json, pipeline } from 'weirhouse'
import { dynamodb } from 'weirhouse/sinks/dynamodb'
import { postgres } from 'weirhouse/sinks/postgres'
import { s3 } from 'weirhouse/sinks/s3'

/** Bounds also refuse Infinity, which is what JavaScript makes of a JSON number such as 1e999. */
const between = (min: number, max: number) => v.pipe(v.number(), v.minValue(min), v.maxValue(max))

/** Milliseconds since 1970 become ISO 8601 text: with years of four digits, text order is the order of time. */
const moment = v.pipe(
  between(Date.parse('0001-01-01'), Date.parse('9999-12-31')),
  v.integer(),
  v.transform((ms) => new Date(ms).toISOString()),
)

/** What of a feature is kept; the feed has more, which is ignored. Longitude and latitude in degrees, depth in km. */
const Earthquake = v.object({
  id: v.pipe(v.string(), v.minLength(1)),
  properties: v.object({
    mag: between(-5, 12),
    place: v.pipe(v.string(), v.trim(), v.minLength(1)),
    time: moment,
    updated: moment,
  }),
  geometry: v.object({ coordinates: v.tuple([between(-180, 180), between(-90, 90), between(-10, 1000)]) }),
})

/** `4km W of Castaic, CA` lies in `CA`. A place without a comma, such as `Banda Sea`, is a region itself. */
function regionOf(place: string): string {
  return place.slice(place.lastIndexOf(',') + 1).trim() || place
}

export default pipeline({
  name: 'earthquakes',
  source: { topic: 'earthquakes', partitions: 2, replication: 2, batch: { records: 400 } },
  decode: json(Earthquake),
  transform: ({ id, properties: { mag, place, time, updated }, geometry }) => {
    const [longitude, latitude, depth] = geometry.coordinates
    return { id, magnitude: mag, place, region: regionOf(place), time, updated, longitude, latitude, depth }
  },
  order: ({ updated }) => updated,
  sinks: [
    s3({ id: 'lake', format: 'jsonl', compress: 'gzip', date: true }),
    postgres({
      id: 'sql',
      table: 'earthquakes',
      key: ['id'],
      columns: {
        id: 'text',
        magnitude: 'double precision not null',
        place: 'text not null',
        region: 'text not null',
        time: 'timestamptz not null',
        updated: 'timestamptz not null',
        longitude: 'double precision not null',
        latitude: 'double precision not null',
        depth: 'double precision not null',
      },
    }),
    dynamodb({
      id: 'kv',
      table: 'earthquakes',
      partitionKey: 'id',
      indexes: { byRegion: { partitionKey: 'region', sortKey: 'time' } },
    }),
  ],
})
