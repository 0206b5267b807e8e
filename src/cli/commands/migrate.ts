import { loadPipeline } from '../../config/load.ts'
import { OPERATIONS_OUTPUT, outputsOf, standingOf } from '../../operations/aws/deploy.ts'
import { invokeOperations } from '../../operations/aws/invoke-operations.ts'
import { loginOf, migrate } from '../../operations/migrate.ts'
import type { Migration } from '../../operations/migrate.ts'
import { patience } from '../../operations/patience.ts'
import { notDeployed, openEnvironment, withCloud } from '../cloud.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag, text } from '../options.ts'
import { openTarget } from '../target.ts'

/** A migration waits for running functions to let go of a table. */
const PATIENCE_MS = 60_000

export const command = defineCommand({
  summary: 'Bring the PostgreSQL tables to the definitions',
  details:
    'Compares the database with the definitions as they are now, and runs what is missing in one transaction: schemas, tables, columns. It only ever adds. A difference that adding does not mend is refused before anything runs, with the statements that a person would run. Prints the statements. With --env it does so on AWS, through the operations function as it was deployed, which also makes the roles of functions, and reader_of_weirhouse for people.',
  example: ['weirhouse migrate --dry-run', 'weirhouse migrate', 'weirhouse migrate --env spec'],
  options: {
    env: text('name', 'an environment on AWS; the running local stack where not given'),
    dryRun: flag('print the statements that are missing, and run none'),
  },
  async run({ env, dryRun }, io) {
    io.progress('Comparing the database with the definitions')
    const migration = env === undefined ? await migrateStack(io, dryRun) : await migrateOnAws(env, io, dryRun)
    await io.answer(migration, () => textOf(migration))
  },
})

async function migrateOnAws(env: string, io: Io, dryRun: boolean): Promise<Migration> {
  const open = await openEnvironment(env, io)
  return withCloud(open, io, async ({ identity, stacks }) => {
    const functionName = outputsOf(await standingOf(env, stacks))[OPERATIONS_OUTPUT]
    if (functionName === undefined) throw notDeployed(open, identity, 'it has no operations function')
    io.progress('Comparing the database with the definitions')
    return invokeOperations({ functionName, region: identity.region, verb: 'migrate', dryRun, signal: io.signal })
  })
}

async function migrateStack(io: Io, dryRun: boolean): Promise<Migration> {
  const target = await openTarget(io)
  const pipelines = await Promise.all(target.pipelines.map(({ module }) => loadPipeline(module)))
  const deadline = patience(PATIENCE_MS, io.signal)
  try {
    return await migrate({ pipelines, login: loginOf(target), roles: false, dryRun, deadline })
  } catch (error) {
    io.signal.throwIfAborted()
    throw error
  }
}

/** The statements as SQL that can be run elsewhere, and in a comment what became of them. */
export function textOf({ statements, applied }: Migration): string {
  if (statements.length === 0) return 'Nothing to do: the database fits the definitions.'
  const count = `${statements.length} statement${statements.length === 1 ? '' : 's'}`
  return [...statements.map((each) => `${each};`), `-- ${count} ${applied ? 'applied' : 'to apply'}`].join('\n')
}
