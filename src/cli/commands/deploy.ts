import { SSH_RANGE_HELP, sshRangeFault } from '../../cdk/ssh-range.ts'
import { WeirError } from '../../core/errors.ts'
import { runCdk } from '../../operations/aws/cdk-cli.ts'
import { isGrave } from '../../operations/aws/changes.ts'
import { invokeOperations } from '../../operations/aws/invoke-operations.ts'
import { deploy, preview } from '../../operations/aws/deploy.ts'
import type { Deployment, Preview } from '../../operations/aws/deploy.ts'
import { askText, requireYes } from '../ask.ts'
import { changesText } from '../changes-text.ts'
import { environmentOption, openEnvironment, synthesisOf, withCloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag, text } from '../options.ts'
import { table } from '../table.ts'

const SSH_PARAMETER = 'SshRange'

export const command = defineCommand({
  summary: 'Bring an environment to AWS: every stack, and the tables, in the order that works',
  details:
    'Compares with what stands, names what would be destroyed or replaced, and asks. Network, cluster and stores come first, then tables and roles in the database, then what consumes. Where it fails, what stands stays: run it again.',
  example: ['weirhouse deploy --env spec --ssh-from 203.0.113.7/32', 'weirhouse deploy --env minimal --yes'],
  options: {
    env: environmentOption,
    sshFrom: text('range', SSH_RANGE_HELP),
    yes: flag('do not ask'),
  },
  async run({ env, sshFrom, yes }, io) {
    const fault = sshFrom === undefined ? undefined : sshRangeFault(sshFrom)
    if (fault !== undefined)
      throw new WeirError('WEIR_USAGE', { reason: `--ssh-from: ${fault}`, advice: SSH_RANGE_HELP })
    const open = await openEnvironment(env, io)
    await withCloud(open, io, async ({ identity, stacks }) => {
      io.progress('writing the templates')
      const { synthesize } = await import('../../cdk/synthesize.ts')
      const made = await synthesize(synthesisOf(open, io))
      const deployment: Deployment = { environment: env, assembly: made.directory, stacks: made.stacks }
      io.progress('comparing with what stands')
      const ahead = await preview(deployment, stacks)
      io.progress(null)
      for (const line of told(ahead, `${identity.account} in ${identity.region}`)) io.note(line)
      if (!yes && mustAsk(ahead)) await requireYes(`Deploy environment "${env}"?`, io)
      const parameters = await answers(ahead, sshFrom, io)
      const signal = io.signal
      const migrate = async (functionName: string) => {
        await invokeOperations({ functionName, region: identity.region, verb: 'migrate', dryRun: false, signal })
      }
      const onLine = (line: string) => {
        if (line.trim() !== '') io.note(line)
      }
      const ports = { stacks, cdk: runCdk, migrate, onStep: (step: string) => io.note(step), onLine, signal }
      const standing = await deploy({ deployment, identity, preview: ahead, parameters }, ports)
      const rows = standing.map(({ stackName, status }) => [stackName, status])
      await io.answer({ ...identity, stacks: standing, changes: ahead.changes }, () =>
        [table(['stack', 'status'], rows), `Next: weirhouse outputs --env ${env}`].join('\n'),
      )
    })
  },
})

function told({ bootstrap, fresh, changes, stray }: Preview, where: string): string[] {
  return [
    `Account ${where}: ${fresh.length} stacks are new.`,
    ...(bootstrap ? ['The account is not prepared for the CDK yet: the stack CDKToolkit is made first.'] : []),
    changesText(changes),
    ...stray.map(
      (name) =>
        `Stack ${name} stands, and is no longer part of the environment: delete it once nothing needs it, with \`aws cloudformation delete-stack --stack-name ${name}\`.`,
    ),
  ]
}

/** A first deployment begins to cost; a grave change cannot be taken back. */
function mustAsk({ fresh, changes, bootstrap }: Preview): boolean {
  return bootstrap || fresh.length > 0 || changes.some(isGrave)
}

async function answers({ unanswered }: Preview, sshFrom: string | undefined, io: Io): Promise<Record<string, string>> {
  if (!unanswered.some(({ parameter }) => parameter === SSH_PARAMETER)) return {}
  const range = sshFrom ?? (await askText('From where may SSH reach the bastion?', sshRangeFault, io))
  if (range === undefined)
    throw new WeirError('WEIR_USAGE', {
      reason: 'the bastion needs a range to take SSH from',
      advice: 'Give --ssh-from, or access.sshFrom in weirhouse.config.ts.',
    })
  return { [SSH_PARAMETER]: range }
}
