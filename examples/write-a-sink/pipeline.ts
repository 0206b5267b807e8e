import { json, pipeline } from 'weirhouse'
import { sqlite } from './sqlite.ts'

interface Reading {
  id: string
  room: string
  celsius: number
}

export default pipeline({
  name: 'readings-lite',
  source: { topic: 'readings' },
  decode: json<Reading>(),
  sinks: [
    sqlite({
      id: 'file',
      file: 'readings.sqlite',
      table: 'readings',
      columns: { id: 'TEXT', room: 'TEXT NOT NULL', celsius: 'REAL' },
      key: ['id'],
    }),
  ],
})
