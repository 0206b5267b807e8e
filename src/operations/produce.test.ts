import { PassThrough, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import type { ProducedRecord } from '../kafka/produce.ts'
import { produceLines } from './produce.ts'

function fakeProducer(send: (records: readonly ProducedRecord[]) => Promise<void> = () => Promise.resolve()) {
  const sends: (readonly ProducedRecord[])[] = []
  const producer = {
    send: (records: readonly ProducedRecord[]) => {
      sends.push(records)
      return send(records)
    },
    close: () => Promise.resolve(),
  }
  const sent = () =>
    sends.flat().map(({ key, value }) => [key?.toString('latin1') ?? null, value!.toString('latin1')] as const)
  return { producer, sends, sent }
}

test('each line is a message, bytes as they are, an empty line an empty value', async () => {
  const { producer, sent } = fakeProducer()
  const input = Readable.from([Buffer.from([0x61, 0x0a, 0x0a, 0xff, 0x00, 0x0d, 0x0a, 0x62])])
  expect(await produceLines({ producer, topic: 't', input })).toEqual({ messages: 4, bytes: 5 })
  expect(sent()).toEqual([
    [null, 'a'],
    [null, ''],
    [null, '\u00FF\0\r'],
    [null, 'b'],
  ])
})

test('the key ends at the first separator, which may be longer than a byte', async () => {
  const { producer, sent } = fakeProducer()
  const input = Readable.from(['k::v::w\n', '::v\n', 'k::\n'])
  expect(await produceLines({ producer, topic: 't', input, keySeparator: '::' })).toEqual({ messages: 3, bytes: 7 })
  expect(sent()).toEqual([
    ['k', 'v::w'],
    ['', 'v'],
    ['k', ''],
  ])
})

test('a line without the separator ends it; the lines before are sent', async () => {
  const { producer, sent } = fakeProducer()
  const input = Readable.from(['a:1\nb:2\nc\nd:4\n'])
  await expect(produceLines({ producer, topic: 't', input, keySeparator: ':' })).rejects.toMatchObject({
    code: 'WEIR_INPUT_LINE',
    message: 'Line 3 holds no key separator ":"; the 2 before it were sent.',
  })
  expect(sent()).toEqual([
    ['a', '1'],
    ['b', '2'],
  ])
})

test('a typed line is sent though the input stays open', async () => {
  const { producer, sent } = fakeProducer()
  const input = new PassThrough()
  const done = produceLines({ producer, topic: 't', input })
  input.write('typed\n')
  await vi.waitFor(() => expect(sent()).toEqual([[null, 'typed']]))
  input.end()
  expect(await done).toEqual({ messages: 1, bytes: 5 })
})

test('it reads no faster than sends are acknowledged', async () => {
  let acknowledge = () => undefined as void
  const { producer, sends } = fakeProducer(() => new Promise<void>((resolve) => (acknowledge = resolve)))
  let read = 0
  const input = Readable.from(
    (async function* () {
      for (; read < 200; read++) yield Buffer.from(`${'x'.repeat(99_999)}\n`)
    })(),
    { highWaterMark: 1 },
  )
  const done = produceLines({ producer, topic: 't', input })
  await sleep(100)
  // 2 MiB on its way, 2 MiB gathered, and what the stream itself holds.
  expect(read).toBeLessThan(60)
  const ack = setInterval(() => acknowledge(), 1)
  expect((await done).messages).toBe(200)
  clearInterval(ack)
  expect(sends.length).toBeGreaterThan(5)
})

test('a send that fails is not hidden by an input that stays silent', async () => {
  const { producer } = fakeProducer(() => Promise.reject(new Error('brokers are away')))
  const input = new PassThrough()
  const done = produceLines({ producer, topic: 't', input })
  input.write('a\n')
  await expect(done).rejects.toThrow('brokers are away')
  expect(input.destroyed).toBe(true)
})
