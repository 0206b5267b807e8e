import { WeirError } from '../../core/errors.ts'
import type { SourceRecord } from '../../core/record.ts'
import { consume } from '../../operations/consume.ts'
import { defineCommand } from '../command.ts'
import { readable } from '../bytes.ts'
import { toJson } from '../io.ts'
import { kafkaOptions, openKafka } from '../kafka.ts'
import { flag, required, text, whole } from '../options.ts'

export const command = defineCommand({
  summary: 'Print the messages of a topic',
  details:
    'Values as they are, a newline after each, `null` for a tombstone; only committed ones. Without --from-beginning or --offset, what comes from now on. Goes on until Ctrl-C, --max-messages or --timeout-ms. With --json one object a line: topic, partition, offset, timestamp, key, value, headers; keyEncoding and valueEncoding say utf8, base64 (bytes that are no UTF-8), or null where there is none.',
  example: [
    'weirhouse consume --topic demo_topic --from-beginning --max-messages 10',
    'weirhouse consume --topic demo_topic --partition 0 --offset 100 --timeout-ms 2000 --json',
  ],
  json: 'lines',
  options: {
    topic: required(text('name', 'the topic')),
    fromBeginning: flag('from the first message there is'),
    maxMessages: whole('count', 'end after so many', 0),
    partition: whole('number', 'only this partition', 0),
    offset: whole('number', 'from this offset; needs --partition', 0),
    timeoutMs: whole('ms', 'end when nothing came for so long', 1),
    ...kafkaOptions,
  },
  async run({ topic, fromBeginning, maxMessages, partition, offset, timeoutMs, ...kafka }, io) {
    if (offset !== undefined && (partition === undefined || fromBeginning))
      throw new WeirError('WEIR_USAGE', {
        reason: fromBeginning ? '--offset and --from-beginning exclude each other' : '--offset needs --partition',
        advice: 'See: weirhouse consume --help',
      })
    const { connection } = await openKafka(kafka, io)
    io.progress(null)
    const from = offset ?? (fromBeginning ? 'beginning' : 'end')
    const query = { topic, partition, from, maxMessages, timeoutMs, signal: io.signal } as const
    for await (const records of consume(connection, query))
      await io.write(io.json ? records.map(jsonLine).join('') : plainLines(records))
  },
})

const newline = Buffer.from('\n')
const tombstone = Buffer.from('null')

function plainLines(records: readonly SourceRecord[]): Buffer {
  return Buffer.concat(records.flatMap(({ value }) => [value ?? tombstone, newline]))
}

function jsonLine({ key, value, headers, ...position }: SourceRecord): string {
  const [k, v] = [readable(key), readable(value)]
  return `${toJson({
    ...position,
    key: k.text,
    keyEncoding: k.encoding,
    value: v.text,
    valueEncoding: v.encoding,
    headers: headers.map((header) => {
      const { text, encoding } = readable(header.value)
      return { name: header.name, value: text, encoding }
    }),
  })}\n`
}
