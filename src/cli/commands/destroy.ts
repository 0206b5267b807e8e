import { settingsOf } from '../../cdk/settings.ts'
import { runCdk } from '../../operations/aws/cdk-cli.ts'
import { changesOf } from '../../operations/aws/changes.ts'
import type { Change } from '../../operations/aws/changes.ts'
import { namesToDestroy, standingOf } from '../../operations/aws/deploy.ts'
import { emptyBucket } from '../../operations/aws/empty-bucket.ts'
import type { StandingStack, Stacks } from '../../operations/aws/stacks.ts'
import { requireYes } from '../ask.ts'
import { changesText } from '../changes-text.ts'
import { environmentOption, notDeployed, openEnvironment, synthesisOf, withCloud } from '../cloud.ts'
import type { Cloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag } from '../options.ts'

export const command = defineCommand({
  summary: 'Take an environment off AWS; where keepData says so, what holds records stays',
  details:
    'Names everything that goes, and asks. With keepData the stacks Network, Stream and Store stay, whole, and deploying again goes on from where the consumers stopped: to be rid of them too, deploy with keepData: false first. Buckets that go are emptied: CloudFormation deletes none that holds something.',
  example: ['weirhouse destroy --env minimal'],
  options: { env: environmentOption, yes: flag('do not ask') },
  async run({ env, yes }, io) {
    const open = await openEnvironment(env, io)
    await withCloud(open, io, async ({ identity, stacks }) => {
      io.progress('reading the stacks')
      const { keepData } = settingsOf(env, open.environment)
      const names = namesToDestroy(keepData)
      const standing = await standingOf(env, stacks, names)
      if (standing.length === 0) throw notDeployed(open, identity, 'none of the stacks that would go is there')
      const changes = await goneWith(standing, stacks)
      io.note(`Account ${identity.account} in ${identity.region}: ${standing.map(stackName).join(', ')} go.`)
      io.note(changesText(changes))
      if (keepData) io.note(KEPT)
      if (!yes) await requireYes(`Destroy environment "${env}"?`, io)
      const { synthesize } = await import('../../cdk/synthesize.ts')
      const made = await synthesize(synthesisOf(open, io))
      await emptyBuckets(changes, { identity, stacks }, io)
      const wanted = made.stacks.filter((stack) => standing.some((each) => each.stackName === stack.stackName))
      const ids = wanted.map(({ name }) => `${env}/${name}`)
      const args = ['destroy', ...ids, '--app', made.directory, '--exclusively', '--force']
      const onLine = (line: string) => {
        if (line.trim() !== '') io.note(line)
      }
      await runCdk({ args, region: identity.region, signal: io.signal, onLine })
      await io.answer({ ...identity, destroyed: standing.map(stackName), kept: keepData }, () =>
        keepData
          ? `Nothing consumes in environment "${env}" any more. ${KEPT}`
          : `Environment "${env}" is gone from ${identity.region}.`,
      )
    })
  },
})

const KEPT = 'What holds records stays, and costs: stacks Network, Stream and Store (keepData).'

const stackName = (stack: StandingStack): string => stack.stackName

async function goneWith(standing: readonly StandingStack[], stacks: Stacks): Promise<Change[]> {
  const changes: Change[] = []
  for (const { stackName } of standing)
    changes.push(...(await changesOf(stackName, await stacks.template(stackName), undefined)))
  return changes
}

async function emptyBuckets(changes: readonly Change[], { identity, stacks }: Cloud, io: Io): Promise<void> {
  for (const change of changes.filter(({ type, kind }) => type === 'AWS::S3::Bucket' && kind === 'destroy')) {
    const bucket = await stacks.physicalId(change.stackName, change.id)
    const step = `emptying bucket ${bucket}`
    io.progress(step)
    await emptyBucket(bucket, identity.region, io.signal, (count) => io.progress(step, `${count} objects`))
  }
  io.progress(null)
}
