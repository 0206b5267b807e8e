import { runCdk } from '../../operations/aws/cdk-cli.ts'
import { changesOf } from '../../operations/aws/changes.ts'
import type { Change } from '../../operations/aws/changes.ts'
import { standingOf } from '../../operations/aws/deploy.ts'
import { emptyBucket } from '../../operations/aws/empty-bucket.ts'
import { requireYes } from '../ask.ts'
import { changesText } from '../changes-text.ts'
import { assemblyFolder, environmentOption, notDeployed, openEnvironment, withCloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import { flag } from '../options.ts'

export const command = defineCommand({
  summary: 'Take an environment off AWS; what keeps records stays where keepData says so',
  details:
    'Names everything that goes and everything that stays, and asks. Buckets that go are emptied first: CloudFormation deletes none that holds something.',
  example: ['weirhouse destroy --env minimal'],
  options: { env: environmentOption, yes: flag('do not ask') },
  async run({ env, yes }, io) {
    const open = await openEnvironment(env, io)
    await withCloud(open, io, async ({ identity, stacks }) => {
      io.progress('reading the stacks')
      const standing = await standingOf(env, stacks)
      if (standing.length === 0) throw notDeployed(open, identity, 'none of its stacks is there')
      const changes: Change[] = []
      for (const { stackName } of standing)
        changes.push(...(await changesOf(stackName, await stacks.template(stackName), undefined)))
      io.note(`Account ${identity.account} in ${identity.region}: ${standing.length} stacks go.`)
      io.note(changesText(changes))
      if (!yes) await requireYes(`Destroy environment "${env}"?`, io)
      const { synthesize } = await import('../../cdk/synthesize.ts')
      const made = await synthesize({ ...open, outdir: assemblyFolder(open), progress: io.progress })
      for (const change of changes.filter(({ type, kind }) => type === 'AWS::S3::Bucket' && kind === 'destroy')) {
        const bucket = await stacks.physicalId(change.stackName, change.id)
        io.progress(`emptying bucket ${bucket}`)
        await emptyBucket(bucket, identity.region, io.signal, (count) =>
          io.progress(`emptying bucket ${bucket}`, `${count} objects`),
        )
      }
      io.progress(null)
      const args = ['destroy', `${env}/**`, '--app', made.directory, '--force', '--progress', 'events']
      await runCdk({
        args,
        region: identity.region,
        signal: io.signal,
        onLine: (line) => line.trim() !== '' && io.note(line),
      })
      const stays = changes.filter(({ kind }) => kind === 'leave')
      await io.answer({ ...identity, destroyed: standing.map(({ stackName }) => stackName), stays }, () =>
        [
          `Environment "${env}" is gone from ${identity.region}.`,
          ...(stays.length === 0
            ? []
            : [`${stays.length} resources stay, and cost, until somebody deletes them: see above.`]),
        ].join('\n'),
      )
    })
  },
})
