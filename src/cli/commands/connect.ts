import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf, WeirError } from '../../core/errors.ts'
import { shellLine, wayTo } from '../../operations/aws/connect.ts'
import { outputsOf, standingOf } from '../../operations/aws/deploy.ts'
import { environmentOption, notDeployed, openEnvironment, withCloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import { choice, flag, required } from '../options.ts'

export const command = defineCommand({
  summary: 'Print, or run, the command that leads to a host of an environment on AWS',
  details:
    'Where there is a bastion the way is SSH, through it to the Kafka host; else it is Session Manager. SSH wants the key pair of the hosts in your agent: without --run, the line that puts it there comes first.',
  example: [
    'weirhouse connect --env spec --host kafka',
    'weirhouse connect --env spec --host bastion --run',
    'weirhouse connect --env minimal --host kafka --via session --run',
  ],
  options: {
    env: environmentOption,
    host: required(choice('which host', ['kafka', 'bastion'])),
    via: choice('by SSH or by Session Manager', ['ssh', 'session']),
    run: flag('run it, in this terminal'),
  },
  async run({ env, host, via, run }, io) {
    const open = await openEnvironment(env, io)
    const way = await withCloud(open, io, async ({ identity, stacks }) => {
      const standing = await standingOf(env, stacks)
      if (standing.length === 0) throw notDeployed(open, identity, 'none of its stacks is there')
      return wayTo({ environment: env, region: identity.region, host, via, outputs: outputsOf(standing) })
    })
    if (!run) {
      const lines = [...(way.keyLine === undefined ? [] : [way.keyLine]), shellLine(way.command)]
      await io.answer({ command: way.command, keyLine: way.keyLine ?? null }, () => lines.join('\n'))
      return 0
    }
    io.progress(null)
    const [program, ...args] = way.command
    const child = spawn(program, args, { stdio: 'inherit' })
    try {
      const [code] = (await once(child, 'exit')) as [number | null]
      return code === 0 ? 0 : 1
    } catch (error) {
      const advice = `Install it, or run it elsewhere: ${shellLine(way.command)}`
      throw new WeirError('WEIR_USAGE', { reason: messageOf(error), advice }, { cause: error })
    }
  },
})
