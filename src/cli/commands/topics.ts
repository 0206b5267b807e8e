import type { TopicDescription } from '../../kafka/admin.ts'
import { topicReaders } from '../../operations/groups.ts'
import type { TopicReader } from '../../operations/groups.ts'
import { createTopic, deleteTopic } from '../../operations/topics.ts'
import { withAdmin } from '../admin.ts'
import { defineCommand, defineGroup } from '../command.ts'
import { kafkaOptions } from '../kafka.ts'
import { flag, required, settings, text, whole, withDefault } from '../options.ts'
import { table } from '../table.ts'

/** Source: Kafka, `short` replication factor; partitions are bounded by what a cluster carries. */
const MAX_PARTITIONS = 100_000
const MAX_REPLICATION = 32_767

const topic = required(text('name', 'the topic'))

const create = defineCommand({
  summary: 'Create a topic',
  example: [
    'weirhouse topics create --topic orders --partitions 4 --replication-factor 2 --config retention.ms=3600000',
  ],
  options: {
    topic,
    partitions: withDefault(whole('count', 'how many partitions', 1, MAX_PARTITIONS), 2),
    replicationFactor: withDefault(whole('count', 'how many brokers hold each of them', 1, MAX_REPLICATION), 2),
    config: settings("a setting of the topic in Kafka's own words; may be given more than once"),
    ifNotExists: flag('leave a topic alone that is there already'),
    ...kafkaOptions,
  },
  run: ({ topic, partitions, replicationFactor, config, ifNotExists, ...kafka }, io) =>
    withAdmin(io, kafka, `Creating topic ${topic}`, async (admin) => {
      const asked = { topic, partitions, replication: replicationFactor, configs: Object.fromEntries(config) }
      const result = await createTopic(admin, asked, { ifNotExists })
      await io.answer(
        { created: result.created, ...result.topic },
        () => `Topic ${topic} ${result.created ? 'created' : 'exists already'}: ${sizeOf(result.topic)}`,
      )
    }),
})

const list = defineCommand({
  summary: 'List the topics, without those internal to Kafka',
  example: [
    'weirhouse topics list',
    'weirhouse topics list --bootstrap-server b-1.example.com:9096 --command-config client.properties --json',
  ],
  options: kafkaOptions,
  run: (kafka, io) =>
    withAdmin(io, kafka, 'Listing topics', async (admin) => {
      const topics = await admin.listTopics()
      const rows = topics.map(({ topic, partitions, replication }) => [topic, partitions, replication])
      await io.answer(topics, () => table(['topic', 'partitions', 'replication'], rows))
    }),
})

const describe = defineCommand({
  summary: 'Describe a topic: its partitions, replicas, offsets and settings, and how far its pipelines are',
  example: ['weirhouse topics describe --topic demo_topic'],
  options: { topic, ...kafkaOptions },
  run: ({ topic, ...kafka }, io) =>
    withAdmin(io, kafka, `Describing topic ${topic}`, async (admin, target) => {
      const described = await admin.describeTopic(topic)
      const offsets = await admin.offsets(topic)
      const layout = described.layout.map((each, i) => ({ ...each, start: offsets[i]!.start, end: offsets[i]!.end }))
      const readers = await topicReaders(admin, target, topic, offsets)
      await io.answer({ ...described, layout, readers }, () =>
        [
          `Topic ${topic} (${described.id}): ${sizeOf(described)}`,
          ...settingLines(described),
          table(
            ['partition', 'leader', 'replicas', 'in sync', 'start', 'end'],
            layout.map((each) => [
              each.partition,
              each.leader,
              each.replicas.join(','),
              each.inSync.join(','),
              each.start,
              each.end,
            ]),
          ),
          ...readers.map(readerText),
        ].join('\n'),
      )
    }),
})

const remove = defineCommand({
  summary: 'Delete a topic and all its records',
  example: ['weirhouse topics delete --topic orders'],
  options: { topic, ifExists: flag('do nothing where there is no such topic'), ...kafkaOptions },
  run: ({ topic, ifExists, ...kafka }, io) =>
    withAdmin(io, kafka, `Deleting topic ${topic}`, async (admin) => {
      const deleted = await deleteTopic(admin, topic, { ifExists })
      await io.answer({ topic, deleted }, () => (deleted ? `Topic ${topic} deleted` : `There is no topic ${topic}`))
    }),
})

function readerText({ pipeline, group, lag, partitions }: TopicReader): string {
  const rows = partitions.map((each) => [each.partition, each.committed, each.lag])
  return `Read by pipeline ${pipeline}, group ${group}: lag ${lag}\n${table(['partition', 'committed', 'lag'], rows)}`
}

export const command = defineGroup({
  summary: 'Create, list, describe and delete topics',
  commands: { create, list, describe, delete: remove },
})

function settingLines({ configs }: TopicDescription): string[] {
  if (configs === null) return ['  Its settings are not for this user to read.']
  return Object.entries(configs).map(([name, value]) => `  ${name}=${value}`)
}

function sizeOf({ partitions, replication }: TopicDescription): string {
  return `${partitions} partition${partitions === 1 ? '' : 's'}, replication ${replication}`
}
