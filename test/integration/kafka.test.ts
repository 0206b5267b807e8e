import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { SourceRecord } from '../../src/core/record.ts'
import { openAdmin, type KafkaAdmin } from '../../src/kafka/admin.ts'
import type { Isolation } from '../../src/kafka/client.ts'
import { openGroup, type Assignment } from '../../src/kafka/group.ts'
import { openProducer, type KafkaProducer } from '../../src/kafka/produce.ts'
import { readPartition } from '../../src/kafka/read.ts'
import { kafkaTool } from '../support/foreign.ts'
import { eventually, transact } from './mapping-world.ts'

const connection = inject('kafka')
let admin: KafkaAdmin
let producer: KafkaProducer
const topic = `kafka-${randomUUID()}`

beforeAll(async () => {
  admin = openAdmin(connection)
  producer = openProducer(connection)
  await admin.createTopic({ topic, partitions: 2, replication: 2, configs: { 'max.message.bytes': '1048576' } })
})
afterAll(async () => {
  await producer.close()
  await admin.deleteTopic(topic)
  await admin.close()
})

async function read(
  topic: string,
  partition: number,
  from: number,
  to: number,
  isolation: Isolation = 'read_committed',
) {
  const all: SourceRecord[] = []
  for await (const records of readPartition(connection, { topic, partition, from, to, isolation })) all.push(...records)
  return all
}

describe('topics', () => {
  test('are created, listed, described and deleted', async () => {
    const { id, layout, ...rest } = await admin.describeTopic(topic)
    expect(rest).toEqual({ topic, partitions: 2, replication: 2, configs: { 'max.message.bytes': '1048576' } })
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(layout.map(({ inSync }) => inSync.length)).toEqual([2, 2])
    expect(await admin.listTopics()).toContainEqual({ topic, partitions: 2, replication: 2 })
    const other = `kafka-${randomUUID()}`
    await admin.createTopic({ topic: other, partitions: 1, replication: 1 })
    await admin.deleteTopic(other)
    expect((await admin.listTopics()).map((t) => t.topic)).not.toContain(other)
  })

  test('are listed while others are being made and deleted', async () => {
    const others = openAdmin(connection)
    const enough = new AbortController()
    const churning = (async () => {
      while (!enough.signal.aborted) {
        const passing = `kafka-${randomUUID()}`
        await others.createTopic({ topic: passing, partitions: 1, replication: 1 })
        await others.deleteTopic(passing)
      }
      await others.close()
    })()
    for (let listing = 0; listing < 200; listing++)
      expect(await admin.listTopics()).toContainEqual({ topic, partitions: 2, replication: 2 })
    enough.abort()
    await churning
  })

  test('errors carry the name the broker gives', async () => {
    await expect(admin.createTopic({ topic, partitions: 1, replication: 1 })).rejects.toMatchObject({
      code: 'WEIR_KAFKA',
      details: { error: 'TOPIC_ALREADY_EXISTS' },
    })
    await expect(admin.describeTopic('no-such')).rejects.toMatchObject({ code: 'WEIR_UNKNOWN' })
    const big = producer.send([{ topic, partition: 0, value: Buffer.alloc(1_048_577) }])
    await expect(big).rejects.toMatchObject({ code: 'WEIR_KAFKA_REFUSED', details: { error: 'MESSAGE_TOO_LARGE' } })
    await expect(producer.send([{ topic, partition: 2, value: null }])).rejects.toMatchObject({ code: 'WEIR_UNKNOWN' })
  })
})

describe('what is produced', () => {
  test('is read back byte for byte: null key, tombstone, empty, binary, repeated headers, order', async () => {
    const { end } = (await admin.offsets(topic))[0]!
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const headers = [
      { name: 'a', value: binary },
      { name: 'b', value: Buffer.alloc(0) },
      { name: 'a', value: Buffer.from('again') },
      { name: 'ü', value: Buffer.from([0xc3]) },
    ]
    await producer.send([
      { topic, partition: 0, key: null, value: null },
      { topic, partition: 0, key: Buffer.alloc(0), value: Buffer.alloc(0) },
      { topic, partition: 0, key: binary, value: binary, headers, timestamp: 1234567890123 },
    ])
    const records = await read(topic, 0, end, end + 3)
    expect(records.map(({ offset, key, value }) => [offset, key, value])).toEqual([
      [end, null, null],
      [end + 1, Buffer.alloc(0), Buffer.alloc(0)],
      [end + 2, binary, binary],
    ])
    expect(records[2]).toMatchObject({ headers, timestamp: 1234567890123, timestampType: 'CREATE_TIME' })
  })

  test("goes to the partition that Kafka's own console producer chooses for its key", async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `key-${i}`)
    const both = (await admin.offsets(topic)).map(({ end }) => end)
    const where = async () => {
      const placed = new Map<string, number>()
      for (const { partition, end } of await admin.offsets(topic)) {
        for (const r of await read(topic, partition, both[partition]!, end)) placed.set(String(r.value), partition)
      }
      return placed
    }
    await producer.send(keys.map((key) => ({ topic, key: Buffer.from(key), value: Buffer.from(`ours ${key}`) })))
    const args = ['--bootstrap-server', connection.bootstrap.join(','), '--topic', topic]
    const properties = ['--property', 'parse.key=true', '--property', 'key.separator=|']
    const input = keys.map((key) => `${key}|theirs ${key}\n`).join('')
    await kafkaTool('org.apache.kafka.tools.ConsoleProducer', [...args, ...properties], input)
    const placed = await where()
    expect(keys.map((key) => placed.get(`ours ${key}`))).toEqual(keys.map((key) => placed.get(`theirs ${key}`)))
  })

  test('a great many at once: all there, in order', async () => {
    const { end } = (await admin.offsets(topic))[1]!
    const values = Array.from({ length: 30_000 }, (_, i) => Buffer.from(`${i}`.padStart(100)))
    await producer.send(values.map((value) => ({ topic, partition: 1, value })))
    const records = await read(topic, 1, end, end + values.length)
    expect(records.map(({ value }) => Number(String(value)))).toEqual(values.map((_, i) => i))
  })
})

describe('E27: transactions', () => {
  test('markers and aborted records are passed over, by either isolation as it should be', async () => {
    const own = `kafka-${randomUUID()}`
    await admin.createTopic({ topic: own, partitions: 1, replication: 2 })
    await transact(connection, own, [
      ['a', 'begin'],
      ['a', 'send', 'aborted 1', 'aborted 2'],
      ['a', 'abort'],
      ['a', 'begin'],
      ['b', 'begin'],
      ['a', 'send', 'kept 1'],
      ['b', 'send', 'aborted 3'],
      ['a', 'send', 'kept 2'],
      ['b', 'abort'],
      ['a', 'commit'],
      ['a', 'begin'],
      ['a', 'send', 'aborted 4'],
      ['a', 'abort'],
    ])
    const { end } = (await admin.offsets(own, 'read_committed'))[0]!
    expect(end).toBe(10)
    const texts = async (isolation: Isolation) => (await read(own, 0, 0, end, isolation)).map((r) => String(r.value))
    expect(await texts('read_committed')).toEqual(['kept 1', 'kept 2'])
    const all = ['aborted 1', 'aborted 2', 'kept 1', 'aborted 3', 'kept 2', 'aborted 4']
    expect(await texts('read_uncommitted')).toEqual(all)
    await admin.deleteTopic(own)
  })
})

describe('E24: a group', () => {
  test('commits what is decided under the newest generation, and nothing a poller decided before', async () => {
    const group = randomUUID()
    const seen: Assignment[] = []
    const join = async () => {
      const member = openGroup(connection, { group, topic, log: () => undefined, onAssigned: (a) => void seen.push(a) })
      await member.join()
      return member
    }
    const first = await join()
    const old = seen[0]!
    expect(old.partitions).toEqual([0, 1])
    await first.commit(old, new Map([[0, 100]]))
    expect(await admin.groupOffsets(group, topic)).toEqual(
      new Map([
        [0, 100],
        [1, undefined],
      ]),
    )
    const second = await join()
    await eventually(() => new Set(seen.map((a) => a.generation)).size >= 2 && seen.length >= 3, true)
    const now = seen.slice(1).filter((a) => a.generation === seen.at(-1)!.generation)
    expect(now.flatMap((a) => a.partitions).sort((a, b) => a - b)).toEqual([0, 1])
    await expect(first.commit(old, new Map([[0, 5]]))).rejects.toMatchObject({
      details: { error: 'ILLEGAL_GENERATION' },
    })
    expect((await admin.groupOffsets(group, topic)).get(0)).toBe(100)
    await second.leave()
    await first.leave()
    expect((await admin.listGroups()).find((g) => g.group === group)).toEqual({ group, state: 'Empty' })
  })
})
