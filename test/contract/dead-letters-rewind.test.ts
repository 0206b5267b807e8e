/** What a rewind makes of dead letters, on the real table. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AwsClients } from '../../src/aws/index.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { MAX_INLINE_PAYLOAD_BYTES } from '../../src/core/limits.ts'
import { deadLetterTable } from '../../src/sinks/dead-letters/index.ts'
import { openDeadLetters } from '../../src/sinks/dead-letters/store.ts'
import type { DeadLetterStore } from '../../src/sinks/dead-letters/store.ts'
import {
  countOpenLetters,
  retireLetters,
  standingLetters,
  supersedeLetters,
} from '../../src/sinks/dead-letters/supersede.ts'
import type { LettersPlace } from '../../src/sinks/dead-letters/supersede.ts'
import { sourceRecord } from '../../src/testing/contract-world.ts'
import { clients, createTable, deadline, fresh } from './dynamodb-kit.ts'

let aws: AwsClients
let place: LettersPlace
let store: DeadLetterStore
const bucket = fresh('dead-letters')
const source = { cluster: 'c', topic: 't', partition: 0 }

beforeAll(async () => {
  aws = clients()
  const table = await createTable(aws, deadLetterTable(fresh('dead-letters')))
  await aws.s3.request({ operation: 'CreateBucket', method: 'PUT', bucket, deadline: deadline() })
  place = { table, clients: aws }
  store = openDeadLetters({ table, bucket, clients: aws })
})
afterAll(() => aws.close())

function letter(pipeline: string, offset: number, more: Partial<DeadLetter> = {}): DeadLetter {
  const record = { ...sourceRecord(offset), topic: source.topic }
  const base = { sink: 'sql', source, epoch: 0, stage: 'encode', code: 'WEIR_ENCODE', text: 'no' } as const
  return { ...base, pipeline, record, ...more }
}

const put = (...letters: DeadLetter[]) => store.put(letters, deadline())

async function states(pipeline: string): Promise<string[]> {
  const { letters } = await store.list({ pipeline }, deadline())
  return letters.map(({ offset, sink, epoch, state }) => `${offset} ${sink} e${epoch} ${state}`)
}

const range = (pipeline: string, sink: string, from: number, below = 1) => ({ pipeline, sink, source, from, below })

describe('superseded', () => {
  test("D13: those of the sink's own from the target on, and below the epoch; once", async () => {
    const p = fresh('p')
    await put(letter(p, 4), letter(p, 5), letter(p, 6, { sink: 'lake' }), letter(p, 7, { sink: '*' }))
    await put(letter(p, 8, { stage: 'store', epoch: 1 }), letter(p, 9, { source: { ...source, partition: 1 } }))
    expect(await supersedeLetters(place, range(p, 'sql', 5), deadline())).toBe(1)
    expect(await supersedeLetters(place, range(p, 'sql', 5), deadline())).toBe(0)
    expect(await states(p)).toEqual([
      '4 sql e0 new',
      '5 sql e0 superseded',
      '6 lake e0 new',
      '7 * e0 new',
      '8 sql e1 new',
      '9 sql e0 new',
    ])
    expect(await supersedeLetters(place, range(p, '*', 0), deadline())).toBe(1)
    expect(await supersedeLetters(place, range(p, 'sql', 0, 2), deadline())).toBe(2)
  })

  test('D2 D13: whoever is about to move one finds it changed', async () => {
    const p = fresh('p')
    await put(letter(p, 1))
    const [seen] = (await store.list({ pipeline: p }, deadline())).letters
    await supersedeLetters(place, range(p, 'sql', 0), deadline())
    const moved = await store.change(seen!, { to: 'replaying', attempts: 1, scanFrom: 2 }, deadline())
    expect([moved.ok, moved.letter?.state]).toEqual([false, 'superseded'])
  })

  test('D1 D13: refused again, the record has a letter again; a store names the epoch, and an old letter stays', async () => {
    const p = fresh('p')
    await put(letter(p, 1), letter(p, 2, { stage: 'store' }))
    await supersedeLetters(place, range(p, 'sql', 0), deadline())
    await put(letter(p, 1, { text: 'still' }), letter(p, 2, { stage: 'store' }))
    await put(letter(p, 2, { stage: 'store', epoch: 1 }))
    expect(await states(p)).toEqual(['1 sql e0 new', '2 sql e0 superseded', '2 sql e1 new'])
    await put(letter(p, 1, { text: 'once more' }))
    expect((await store.list({ pipeline: p }, deadline())).letters[0]!.text).toBe('still')
  })
})

test('D2 D13: standing are those of all sinks, in whatever state but superseded', async () => {
  const p = fresh('p')
  await put(...[9, 10, 2].map((offset) => letter(p, offset, { sink: '*', stage: 'decode' })), letter(p, 11))
  const [, , discarded] = (await store.list({ pipeline: p }, deadline())).letters
  await store.change(discarded!, { to: 'discarded' }, deadline())
  const standing = () => standingLetters(place, range(p, '*', 3), deadline())
  expect(await standing()).toEqual([9, 10])
  await supersedeLetters(place, range(p, '*', 10), deadline())
  expect(await standing()).toEqual([9])
})

test('D13: of a topic made anew the letters go, payloads included, once nobody has to deal with one', async () => {
  const p = fresh('p')
  const record = { ...sourceRecord(3), topic: source.topic, value: Buffer.alloc(MAX_INLINE_PAYLOAD_BYTES) }
  await put(letter(p, 2), letter(p, 3, { record }))
  expect(await countOpenLetters(place, range(p, 'sql', 0), deadline())).toBe(2)
  await supersedeLetters(place, range(p, 'sql', 0), deadline())
  expect(await countOpenLetters(place, range(p, 'sql', 0), deadline())).toBe(0)
  expect(await retireLetters(place, range(p, 'sql', 0), deadline())).toBe(2)
  expect(await states(p)).toEqual([])
  const query = { 'list-type': '2', prefix: `payloads/${p}/` }
  const listing = { operation: 'ListObjectsV2', method: 'GET', bucket, query, deadline: deadline() } as const
  expect(String((await aws.s3.request(listing)).body)).not.toContain('<Key>')
  await put(letter(p, 2, { record: { ...sourceRecord(2, { generation: 1 }), topic: source.topic } }))
  expect(await states(p)).toEqual(['2 sql e0 new'])
})
