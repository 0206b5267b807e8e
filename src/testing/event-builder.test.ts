import { expect, test } from 'vitest'
import { kafkaEvent } from './event-builder.ts'

test('E1, E2, E3: an event of several partitions', () => {
  const event = kafkaEvent({
    topic: 'a-b',
    eventSourceArn: 'arn:c',
    records: [
      { key: 'k', value: 'v', headers: [{ name: 'h', value: Buffer.from([0xc3]) }] },
      { partition: 1, offset: 7, value: null },
      { value: '' },
      { partition: 1 },
    ],
  })
  const base = { topic: 'a-b', timestamp: 0, timestampType: 'CREATE_TIME', headers: [] }
  expect(event).toEqual({
    eventSource: 'aws:kafka',
    eventSourceArn: 'arn:c',
    bootstrapServers: '127.0.0.1:9092',
    records: {
      'a-b-0': [
        { ...base, partition: 0, offset: 0, key: 'aw==', value: 'dg==', headers: [{ h: [-61] }] },
        { ...base, partition: 0, offset: 1, value: '' },
      ],
      'a-b-1': [
        { ...base, partition: 1, offset: 7, value: null },
        { ...base, partition: 1, offset: 8, value: null },
      ],
    },
  })
})

test('records of two topics and no record at all', () => {
  expect(Object.keys(kafkaEvent({ records: [{ topic: 'x' }, { topic: 'y' }] }).records)).toEqual(['x-0', 'y-0'])
  expect(kafkaEvent({ records: [] }).records).toEqual({})
})
