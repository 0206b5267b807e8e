import { relative, resolve } from 'node:path'
import { environmentOption, openEnvironment, synthesisOf } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import { text } from '../options.ts'
import { table } from '../table.ts'

export const command = defineCommand({
  summary: 'Write the CloudFormation templates of an environment, with their assets, into a folder',
  details:
    'Needs no credentials and no network. The folder is a cloud assembly: the CDK deploys it as it is, with `cdk deploy --app FOLDER`. Findings of the rules that templates are held to are errors.',
  example: ['weirhouse synth --env spec', 'weirhouse synth --env spec --out cdk.out'],
  options: {
    env: environmentOption,
    out: text('folder', 'where to; .weirhouse/cloud/NAME where not given. It is emptied first'),
  },
  async run({ env, out }, io) {
    const open = await openEnvironment(env, io)
    const { synthesize } = await import('../../cdk/synthesize.ts')
    const made = await synthesize(synthesisOf(open, io, out === undefined ? undefined : resolve(out)))
    for (const { id, text } of made.warnings) io.note(`${id}: ${text}`)
    const stacks = made.stacks.map(({ name, stackName, resources }) => ({
      name,
      stackName,
      resources: Object.keys(resources).length,
    }))
    await io.answer({ directory: made.directory, stacks, warnings: made.warnings }, () =>
      [
        table(
          ['stack', 'in CloudFormation', 'resources'],
          stacks.map(({ name, stackName, resources }) => [name, stackName, resources]),
        ),
        `Written to ${relative(process.cwd(), made.directory) || '.'}`,
      ].join('\n'),
    )
  },
})
