import { standingOf } from '../../operations/aws/deploy.ts'
import { environmentOption, notDeployed, openEnvironment, withCloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import { table } from '../table.ts'

export const command = defineCommand({
  summary: 'Show what an environment on AWS tells: addresses, names, ids',
  details: 'With --json an object by stack. Passwords are not among them: RDS keeps those in Secrets Manager.',
  example: ['weirhouse outputs --env spec'],
  options: { env: environmentOption },
  async run({ env }, io) {
    const open = await openEnvironment(env, io)
    await withCloud(open, io, async ({ identity, stacks }) => {
      io.progress('reading the stacks')
      const standing = await standingOf(env, stacks)
      if (standing.length === 0) throw notDeployed(open, identity, 'none of its stacks is there')
      const rows = standing.flatMap(({ stackName, outputs }) =>
        Object.entries(outputs)
          .filter(([name]) => !name.startsWith('ExportsOutput'))
          .map(([name, value]) => [stackName, name, value]),
      )
      const byStack = Object.fromEntries(
        standing.map(({ stackName, status, outputs }) => [stackName, { status, outputs }]),
      )
      await io.answer(byStack, () => table(['stack', 'output', 'value'], rows))
    })
  },
})
