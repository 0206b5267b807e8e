import { openAdmin } from '../../kafka/admin.ts'
import type { KafkaConnection } from '../../kafka/connection.ts'
import { openProducer } from '../../kafka/produce.ts'
import { produceLines } from '../../operations/produce.ts'
import { defineCommand } from '../command.ts'
import { openInput } from '../input.ts'
import { kafkaOptions, openKafka } from '../kafka.ts'
import { required, text, whole } from '../options.ts'

export const command = defineCommand({
  summary: 'Send lines of standard input or of a file to a topic, one message a line',
  details:
    'A line is bytes up to the newline, whatever they are; an empty line is a message with an empty value. Without --partition a message goes where Kafka puts its key.',
  example: [
    'printf \'hello\\n{"a":1}\\n\' | weirhouse produce --topic demo_topic',
    'weirhouse produce --topic demo_topic --key-separator : messages.txt',
  ],
  arguments: { file: text('file', 'the file; standard input where not given') },
  options: {
    topic: required(text('name', 'the topic')),
    keySeparator: text(
      'text',
      'what parts the key from the value at its first place in each line; without it, no keys',
    ),
    partition: whole('number', 'send all to this partition', 0),
    ...kafkaOptions,
  },
  async run({ file, topic, keySeparator, partition, ...kafka }, io) {
    const { connection } = await openKafka(kafka, io)
    await mustExist(connection, topic)
    const input = await openInput(file ?? '-', io)
    const producer = openProducer(connection)
    const start = performance.now()
    io.progress(`Sending to ${topic}`)
    try {
      const onSent = (messages: number) => io.progress(`Sending to ${topic}`, `${messages} so far`)
      const { messages, bytes } = await produceLines({ producer, topic, input, keySeparator, partition, onSent })
      const seconds = (performance.now() - start) / 1000
      const perSecond = Math.round(messages / seconds)
      await io.answer(
        { topic, messages, bytes, seconds: Number(seconds.toFixed(3)), perSecond },
        () =>
          `${messages} message${messages === 1 ? '' : 's'} sent to ${topic} in ${seconds.toFixed(1)} s (${perSecond}/s)`,
      )
    } finally {
      await producer.close()
    }
  },
})

/** Before the input is read: a wrong name should say so at once. Throws WEIR_UNKNOWN. */
async function mustExist(connection: KafkaConnection, topic: string): Promise<void> {
  const admin = openAdmin(connection)
  try {
    await admin.findTopic(topic)
  } finally {
    await admin.close()
  }
}
