import { allGroupLags, groupLag } from '../../operations/groups.ts'
import type { GroupLag } from '../../operations/groups.ts'
import { withAdmin } from '../admin.ts'
import { defineCommand, defineGroup } from '../command.ts'
import { kafkaOptions } from '../kafka.ts'
import { required, text } from '../options.ts'
import { table } from '../table.ts'

const list = defineCommand({
  summary: 'List the consumer groups: whose they are, members, lag',
  example: ['weirhouse groups list'],
  options: kafkaOptions,
  run: (kafka, io) =>
    withAdmin(io, kafka, 'Listing groups', async (admin, target) => {
      const groups = await allGroupLags(admin, target)
      const rows = groups.map(({ group, pipeline, state, members, partitions, lag }) => {
        const topics = [...new Set(partitions.map(({ topic }) => topic))]
        return [group, pipeline, state, members.length, topics.join(', ') || null, lag]
      })
      await io.answer(groups, () => table(['group', 'pipeline', 'state', 'members', 'topics', 'lag'], rows))
    }),
})

const describe = defineCommand({
  summary: 'Describe a consumer group: its members, and what they have committed of each partition',
  details:
    'The lag is how many offsets lie between what is committed and the end of the partition: what is being processed counts as well.',
  example: ['weirhouse groups describe --group "$(weirhouse status --json | jq -r .pipelines[0].consumerGroup)"'],
  options: {
    group: required(text('name', "the group; a pipeline's name stands for the group of its mapping")),
    ...kafkaOptions,
  },
  run: ({ group, ...kafka }, io) =>
    withAdmin(io, kafka, `Describing group ${group}`, async (admin, target) => {
      const named = target.pipelines.find(({ name }) => name === group)
      const described = await groupLag(admin, target, named?.consumerGroup ?? group)
      await io.answer(described, () => groupText(described))
    }),
})

function groupText({ group, pipeline, state, members, partitions, lag }: GroupLag): string {
  const whose = pipeline === null ? '' : ` of pipeline ${pipeline}`
  return [
    `Group ${group}${whose}: ${state}, ${members.length} member${members.length === 1 ? '' : 's'}, lag ${lag}`,
    ...members.map(({ member, client, host }) => `  ${member} (${client}) on ${host}`),
    table(
      ['topic', 'partition', 'committed', 'end', 'lag', 'member'],
      partitions.map((each) => [each.topic, each.partition, each.committed, each.end, each.lag, each.member]),
    ),
  ].join('\n')
}

export const command = defineGroup({
  summary: 'List and describe consumer groups: members, committed offsets, lag',
  commands: { list, describe },
})
