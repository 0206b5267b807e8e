import { json, pipeline } from 'weirhouse'
import { postgres } from 'weirhouse/sinks/postgres'

interface Reading {
  id: string
  room: string
  celsius: number
}

export default pipeline({
  name: 'readings',
  source: { topic: 'readings' },
  decode: json<Reading>(),
  transform: ({ id, room, celsius }) => ({ id, room, fahrenheit: celsius * 1.8 + 32 }),
  sinks: [
    postgres({
      id: 'sql',
      table: 'readings',
      key: ['id'],
      columns: { id: 'text', room: 'text not null', fahrenheit: 'double precision' },
    }),
  ],
})
