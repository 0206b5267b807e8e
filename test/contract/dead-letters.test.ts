import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { deadLetterTable } from '../../src/sinks/dead-letters/index.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../../src/sinks/dead-letters/store.ts'
import { clients, createTable, deadline, faulty, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
let store: DeadLetterStore
let table: string
const bucket = fresh('dead-letters')

beforeAll(async () => {
  aws = clients()
  table = await createTable(aws, deadLetterTable(fresh('dead-letters')))
  await aws.s3.request({ operation: 'CreateBucket', method: 'PUT', bucket, deadline: deadline() })
  store = openDeadLetters({ table, bucket, clients: aws })
})
afterAll(() => aws.close())

function letter(
  pipeline: string,
  offset: number,
  more: Partial<DeadLetter> = {},
  value: Buffer | null = Buffer.from('v'),
): DeadLetter {
  return {
    pipeline,
    sink: '*',
    source: { cluster: 'arn:aws:kafka:eu-west-1:1:cluster/c/1', topic: 'some.topic', partition: 1 },
    epoch: 0,
    record: {
      topic: 'some.topic',
      partition: 1,
      offset,
      timestamp: 1_700_000_000_000 + offset,
      timestampType: 'LOG_APPEND_TIME',
      key: null,
      value,
      headers: [],
    },
    stage: 'decode',
    code: 'WEIR_DECODE',
    text: 'it is no JSON',
    ...more,
  }
}

describe('dead letters', () => {
  test.each<[string, Partial<DeadLetter['record']>]>([
    ['bytes that are no text', { key: Buffer.from([0, 255, 128]), value: Buffer.from([0xc3, 0x28, 0]) }],
    ['a tombstone', { value: null }],
    ['empty key and value', { key: Buffer.alloc(0), value: Buffer.alloc(0) }],
    [
      'repeated headers in order',
      {
        headers: [
          { name: 'b', value: Buffer.from([1]) },
          { name: 'a', value: Buffer.alloc(0) },
          { name: 'b', value: Buffer.from([200]) },
          { name: '', value: Buffer.from('x') },
        ],
      },
    ],
    [
      'headers whose names and values are small and whose number is not',
      { headers: Array.from({ length: 30_000 }, () => ({ name: 'h', value: Buffer.alloc(0) })) },
    ],
    ['a payload over 300 KB', { value: Buffer.alloc(900_000, 'é'), headers: [{ name: 'h', value: Buffer.from([7]) }] }],
  ])('D6: kept byte for byte: %s', async (_, record) => {
    const pipeline = fresh('exact')
    const put = letter(pipeline, 7)
    const whole = { ...put, record: { ...put.record, ...record } }
    await store.put([whole], deadline())
    const [listed] = (await store.list({ pipeline }, deadline())).letters
    const got = await store.get(listed!.id, deadline())
    expect(got!.record).toEqual(whole.record)
    expect(got).toMatchObject({
      id: listed!.id,
      sink: '*',
      state: 'new',
      stage: 'decode',
      code: 'WEIR_DECODE',
      text: 'it is no JSON',
      cluster: put.source.cluster,
      offset: 7,
    })
  })

  test('D2 D12: put often, twice at once, by a later deploy with another text: one, as it was first', async () => {
    const pipeline = fresh('twice')
    const big = letter(pipeline, 2, {}, Buffer.alloc(400_000))
    const batch = [letter(pipeline, 1), big]
    await Promise.all([store.put(batch, deadline()), store.put([...batch, ...batch], deadline())])
    await store.put([letter(pipeline, 1, { text: 'another', stage: 'transform' })], deadline())
    const { letters } = await store.list({ pipeline }, deadline())
    expect(letters.map(({ offset, text }) => [offset, text])).toEqual([
      [1, 'it is no JSON'],
      [2, 'it is no JSON'],
    ])
    const keys = await aws.s3.request({
      operation: 'ListObjectsV2',
      method: 'GET',
      bucket,
      query: { 'list-type': '2', prefix: `payloads/${pipeline}/` },
      deadline: deadline(),
    })
    expect(keys.body.toString().match(/<Key>/g)).toHaveLength(1)
  })

  test.each([
    ['in the item', Buffer.from('v'), Buffer.from('w')],
    ['in an object', Buffer.alloc(400_000, 'v'), Buffer.alloc(400_000, 'w')],
  ])('D1 D9: another record at the same position, as of a topic created anew, halts: %s', async (_, old, value) => {
    const pipeline = fresh('anew')
    const before = letter(pipeline, 7, {}, old)
    await store.put([before], deadline())
    const anew = letter(pipeline, 7, {}, value)
    const later = { ...anew, record: { ...anew.record, timestamp: 1_800_000_000_000 } }
    await expect(store.put([later], deadline())).rejects.toMatchObject({
      code: 'WEIR_TOPIC_RESTARTED',
      retryable: false,
    })
    const [kept] = (await store.list({ pipeline }, deadline())).letters
    expect((await store.get(kept!.id, deadline()))!.record).toEqual(before.record)
  })

  test('D2: sink, epoch, partition and offset each make another letter', async () => {
    const pipeline = fresh('apart')
    const base = letter(pipeline, 1)
    await store.put(
      [
        base,
        { ...base, sink: 'kv' },
        { ...base, epoch: 1 },
        { ...base, source: { ...base.source, partition: 2 } },
        letter(pipeline, 10),
      ],
      deadline(),
    )
    expect((await store.list({ pipeline }, deadline())).letters).toHaveLength(5)
    expect((await store.list({ pipeline, sink: 'kv' }, deadline())).letters).toHaveLength(1)
    expect((await store.list({ pipeline, sink: '*', states: ['new'] }, deadline())).letters).toHaveLength(4)
  })

  test('a listing is by position, in pages, either way', async () => {
    const pipeline = fresh('pages')
    const offsets = [3, 20, 100, 1_000, 99_999]
    await store.put(
      offsets.toReversed().map((offset) => letter(pipeline, offset, { sink: offset > 50 ? 'kv' : '*' })),
      deadline(),
    )
    for (const order of ['ascending', 'descending'] as const) {
      const seen: number[] = []
      let after: string | undefined
      do {
        const page = await store.list({ pipeline, limit: 2, order, ...(after ? { after } : {}) }, deadline())
        expect(page.letters.length).toBeLessThanOrEqual(2)
        seen.push(...page.letters.map(({ offset }) => offset))
        after = page.next
      } while (after)
      expect(seen).toEqual(order === 'ascending' ? offsets : offsets.toReversed())
    }
    const filtered = await store.list({ pipeline, sink: 'kv', limit: 2 }, deadline())
    expect(filtered.letters.map(({ offset }) => offset)).toEqual([100, 1_000])
  })

  test('an id that there is not, and one that is none', async () => {
    expect(await store.get('p/arn/topic/000000/e0000/0000000000000001/@any', deadline())).toBeUndefined()
    await expect(store.get('nonsense', deadline())).rejects.toMatchObject({ code: 'WEIR_USAGE' })
  })

  test('D11: a thousand at once, through a store that throttles and loses answers', async () => {
    const pipeline = fresh('many')
    const server = await faulty(inject('stores').dynamodb.endpoint, (exchange) => {
      if (exchange.index % 17 === 3) return exchange.pass().then(() => exchange.drop())
      if (exchange.index % 11 !== 5) return undefined
      exchange.answer(400, '{"__type":"x#ThrottlingException","message":"slow"}')
      return Promise.resolve()
    })
    const through = clients(server.endpoint)
    const faultyStore = openDeadLetters({ table, bucket, clients: through })
    await faultyStore.put(
      Array.from({ length: 1_000 }, (_, i) => letter(pipeline, i)),
      deadline(),
    )
    expect((await store.list({ pipeline, limit: 2_000 }, deadline())).letters).toHaveLength(1_000)
    through.close()
    await server.close()
  })

  test('D1: it fails where it is not durable', async () => {
    const absent = openDeadLetters({ table: fresh('absent'), bucket, clients: aws })
    await expect(absent.put([letter('p', 1)], deadline())).rejects.toMatchObject({ code: 'WEIR_STORE_MISCONFIGURED' })
    const noBucket = openDeadLetters({ table, bucket: fresh('absent'), clients: aws })
    const pipeline = fresh('unbacked')
    await expect(noBucket.put([letter(pipeline, 1, {}, Buffer.alloc(400_000))], deadline())).rejects.toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
    })
    expect((await store.list({ pipeline }, deadline())).letters).toEqual([])
  })
})
