import { getDeadLetter, listDeadLetters } from '../../operations/dead-letters.ts'
import type { StoredDeadLetter } from '../../sinks/dead-letters/index.ts'
import { escaped, readable } from '../bytes.ts'
import { defineCommand, defineGroup } from '../command.ts'
import { required, text, whole, withDefault } from '../options.ts'
import { table } from '../table.ts'
import { openTarget, pipelinesOf } from '../target.ts'

const MAX_LISTED = 100_000
/** Of the reason, in a table. */
const SHOWN_CHARACTERS = 80

const list = defineCommand({
  summary: 'List dead letters, by pipeline and position',
  details: 'With --json an array of summaries, without the records.',
  example: ['weirhouse dlq list', 'weirhouse dlq list --pipeline demo --sink kv'],
  options: {
    pipeline: text('name', 'only those of this pipeline'),
    sink: text('id', "only those of this sink; '*' for those that concern all sinks"),
    limit: withDefault(whole('count', 'how many at most', 1, MAX_LISTED), 100),
  },
  async run({ pipeline, sink, limit }, io) {
    const target = await openTarget(io)
    const pipelines = pipelinesOf(target, pipeline).map(({ name }) => name)
    io.progress('Listing dead letters')
    const { letters, more } = await listDeadLetters(target, { pipelines, sink, limit }, io.signal)
    const rows = letters.map(({ id, sink, stage, code, text }) => [id, sink, stage, code, shortened(text)])
    await io.answer(letters, () =>
      letters.length === 0 ? 'There are no dead letters.' : table(['id', 'sink', 'stage', 'code', 'reason'], rows),
    )
    if (more) io.note(`There are more than ${limit}: raise --limit.`)
  },
})

const show = defineCommand({
  summary: 'Show one dead letter with its record',
  details:
    'Bytes that are no printable text are escaped. With --json key, value and headers have an encoding beside them: utf8 or base64, exactly the bytes that came.',
  example: ['weirhouse dlq show "$(weirhouse dlq list --json | jq -r \'.[0].id\')"'],
  arguments: { id: required(text('id', 'as `dlq list` prints it')) },
  async run({ id }, io) {
    const target = await openTarget(io)
    io.progress('Reading the dead letter')
    const letter = await getDeadLetter(target, id, io.signal)
    await io.answer(jsonOf(letter), () => plainOf(letter))
  },
})

export const command = defineGroup({
  summary: 'List and show dead letters: records that could not take effect',
  commands: { list, show },
})

/** The reason of a letter, as a table shows it. */
export function shortened(text: string): string {
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 3)}...` : text
}

function jsonOf({ record, ...summary }: StoredDeadLetter): unknown {
  const [key, value] = [readable(record.key), readable(record.value)]
  return {
    ...summary,
    timestampType: record.timestampType,
    key: key.text,
    keyEncoding: key.encoding,
    value: value.text,
    valueEncoding: value.encoding,
    headers: record.headers.map((header) => {
      const { text, encoding } = readable(header.value)
      return { name: header.name, value: text, encoding }
    }),
  }
}

function plainOf({ record, ...letter }: StoredDeadLetter): string {
  const bytes = (value: Buffer | null) => (value === null ? 'none' : escaped(value))
  const time = record.timestamp < 0 ? 'no timestamp' : new Date(record.timestamp).toISOString()
  return [
    `id        ${letter.id}`,
    `pipeline  ${letter.pipeline}, ${letter.sink === '*' ? 'all sinks' : `sink ${letter.sink}`}`,
    `state     ${letter.state}`,
    `reason    ${letter.code} at stage ${letter.stage}: ${escaped(Buffer.from(letter.text))}`,
    `record    ${letter.topic}/${letter.partition}@${letter.offset}, ${time}`,
    ...record.headers.map(({ name, value }) => `header    ${escaped(Buffer.from(name))}: ${escaped(value)}`),
    `key       ${bytes(record.key)}`,
    `value     ${bytes(record.value)}`,
  ].join('\n')
}
