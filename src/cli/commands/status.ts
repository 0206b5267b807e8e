import { messageOf } from '../../core/errors.ts'
import { DEFAULT_STACK } from '../../local/stack-files.ts'
import { mappingStatus } from '../../operations/mappings.ts'
import type { MappingStatus } from '../../operations/mappings.ts'
import type { Target, TargetPipeline } from '../../operations/target.ts'
import { defineCommand } from '../command.ts'
import { findTarget } from '../target.ts'

export const command = defineCommand({
  summary: 'Show where a running stack is: addresses, keys, pipelines',
  details:
    'With --json everything that another client needs to look in; it holds the keys of the local stack. Exit code 1 where none is up.',
  example: ['weirhouse status', 'psql "$(weirhouse status --json | jq -r .postgres.url)"'],
  async run(_, io) {
    const target = await findTarget(io)
    if (!target) {
      await io.answer(
        { state: 'stopped', stack: io.stack },
        () => `Stack "${io.stack}" is not up. Start it with: weirhouse up --detach`,
      )
      return 1
    }
    const mappings = await Promise.all(target.pipelines.map((pipeline) => mappingOf(target, pipeline)))
    const pipelines = target.pipelines.map((pipeline, i) => ({ ...pipeline, mapping: mappings[i]! }))
    await io.answer({ ...target, pipelines }, () =>
      [describeTarget(target), ...pipelines.map((each) => mappingLine(each, each.mapping))].join('\n'),
    )
    return 0
  },
})

/** A status is shown of whatever answers. */
const ANSWER_MS = 2000

type Mapping = Omit<MappingStatus, 'uuid'> | { readonly state: 'unknown'; readonly lastProcessingResult: string }

async function mappingOf({ lambda }: Target, { mappingId: uuid }: TargetPipeline): Promise<Mapping> {
  try {
    const asked = { endpoint: lambda.endpoint, uuid, signal: AbortSignal.timeout(ANSWER_MS) }
    const { state, lastProcessingResult } = await mappingStatus(asked)
    return { state, lastProcessingResult }
  } catch (error) {
    return { state: 'unknown', lastProcessingResult: messageOf(error) }
  }
}

function mappingLine({ name }: TargetPipeline, { state, lastProcessingResult }: Mapping): string {
  const cure = state === 'Disabled' ? `; go on with: weirhouse resume --pipeline ${name}` : ''
  return `  Mapping     ${name}: ${state}, last result: ${lastProcessingResult}${cure}`
}

/** What a person needs to look in; keys only by --json. */
export function describeTarget(target: Target): string {
  const stack = target.stack === DEFAULT_STACK ? '' : ` "${target.stack}"`
  const lines = [
    `Stack${stack} is ${target.state}, process ${target.pid}.`,
    `  Kafka       ${target.kafka.bootstrap}${target.kafka.external ? ', not of this stack: it goes on without it' : ''}`,
    `  PostgreSQL  ${target.postgres.url.replace(/:[^:@/]+@/, ':...@')}`,
    `  S3          ${target.s3.endpoint}`,
    `  DynamoDB    ${target.dynamodb.endpoint}`,
    `  Lambda      ${target.lambda.endpoint}`,
  ]
  for (const pipeline of target.pipelines) {
    const { name, topic, bucket, prefix, table, dynamodbTable, custom } = pipeline
    const stores = [
      bucket === null ? '' : `s3://${bucket}/${prefix}`,
      table === null ? '' : `table ${table}`,
      dynamodbTable === null ? '' : `DynamoDB table ${dynamodbTable}`,
      ...custom,
    ]
    lines.push(`  Pipeline    ${name}: topic ${topic} -> ${stores.filter((text) => text !== '').join(', ')}`)
    if (pipeline.debugger !== undefined) lines.push(`  Debugger    ${name}: ${pipeline.debugger}`)
  }
  return lines.join('\n')
}
