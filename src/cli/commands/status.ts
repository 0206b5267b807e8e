import { DEFAULT_STACK } from '../../local/stack-files.ts'
import type { Target } from '../../operations/target.ts'
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
    await io.answer(target, () => describeTarget(target))
    return 0
  },
})

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
  for (const { name, topic, bucket, prefix, table, dynamodbTable } of target.pipelines) {
    const stores = [
      bucket === null ? '' : `s3://${bucket}/${prefix}`,
      table === null ? '' : `table ${table}`,
      dynamodbTable === null ? '' : `DynamoDB table ${dynamodbTable}`,
    ]
    lines.push(`  Pipeline    ${name}: topic ${topic} -> ${stores.filter((text) => text !== '').join(', ')}`)
  }
  return lines.join('\n')
}
