import type { Readable } from 'node:stream'
import { WeirError } from '../core/errors.ts'
import { MIB } from '../core/limits.ts'
import type { KafkaProducer, ProducedRecord } from '../kafka/produce.ts'
import { linesOf } from './lines.ts'

/** What is gathered before a send: enough that acknowledgements do not set the pace, little enough to hold twice. */
const BATCH_RECORDS = 10_000
const BATCH_BYTES = 2 * MIB
/** A person who types a line sees it sent. */
const LINGER_MS = 20

export interface ProduceLines {
  readonly producer: KafkaProducer
  readonly topic: string
  /** Bytes; split at `\n`, one message a line. Destroyed when a send fails, so that a silent input does not hide it. */
  readonly input: Readable
  /** What parts the key from the value, at its first place in the line; every line must hold it. */
  readonly keySeparator?: string | undefined
  readonly partition?: number | undefined
  /** Called after each acknowledged batch with the messages sent so far. */
  readonly onSent?: (messages: number) => void
}

export interface Produced {
  readonly messages: number
  /** Of keys and values. */
  readonly bytes: number
}

/**
 * Sends lines as messages, in order a partition. Reads no faster than the brokers acknowledge: at most one batch is on its
 * way while the next gathers. Throws WEIR_INPUT_LINE, WEIR_KAFKA, or what the input was destroyed with; every line before
 * it that was complete is sent.
 */
export async function produceLines(options: ProduceLines): Promise<Produced> {
  const sender = createSender(options)
  const separator = options.keySeparator === undefined ? undefined : Buffer.from(options.keySeparator)
  let number = 0
  try {
    for await (const { bytes } of linesOf(options.input)) {
      number++
      const { key, value } = keyed(bytes, separator, number)
      await sender.add({ topic: options.topic, partition: options.partition, key, value })
    }
  } catch (error) {
    await sender.flush()
    throw error
  }
  await sender.flush()
  return sender.sent()
}

function keyed(line: Buffer, separator: Buffer | undefined, number: number): { key: Buffer | null; value: Buffer } {
  if (separator === undefined) return { key: null, value: line }
  const at = line.indexOf(separator)
  if (at < 0)
    throw new WeirError('WEIR_INPUT_LINE', {
      line: number,
      reason: `holds no key separator ${JSON.stringify(separator.toString())}`,
      sent: number - 1,
    })
  return { key: line.subarray(0, at), value: line.subarray(at + separator.length) }
}

function createSender({ producer, input, onSent }: ProduceLines) {
  let batch: ProducedRecord[] = []
  let batchBytes = 0
  let messages = 0
  let bytes = 0
  let linger: NodeJS.Timeout | undefined
  let failure: Error | undefined
  let sending: Promise<void> = Promise.resolve()

  const send = async (records: readonly ProducedRecord[], size: number) => {
    try {
      if (failure === undefined) await producer.send(records)
      else return
      messages += records.length
      bytes += size
      onSent?.(messages)
    } catch (error) {
      failure = error as Error
      input.destroy(failure)
    }
  }
  /** Starts on what is gathered, once what is on its way has arrived. */
  const start = async () => {
    clearTimeout(linger)
    linger = undefined
    await sending
    const [records, size] = [batch, batchBytes]
    batch = []
    batchBytes = 0
    if (records.length > 0) sending = send(records, size)
  }
  return {
    sent: (): Produced => ({ messages, bytes }),
    async add(record: ProducedRecord) {
      if (failure !== undefined) throw failure
      batch.push(record)
      batchBytes += (record.key?.length ?? 0) + (record.value?.length ?? 0)
      if (batch.length >= BATCH_RECORDS || batchBytes >= BATCH_BYTES) await start()
      else linger ??= setTimeout(() => void start(), LINGER_MS)
    },
    async flush() {
      await start()
      await sending
      if (failure !== undefined) throw failure
    },
  }
}
