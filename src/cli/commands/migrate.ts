import { loadPipeline } from '../../config/load.ts'
import { loginOf, migrate } from '../../operations/migrate.ts'
import type { Migration } from '../../operations/migrate.ts'
import { patience } from '../../operations/patience.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag } from '../options.ts'
import { openTarget } from '../target.ts'

/** A migration waits for running functions to let go of a table. */
const PATIENCE_MS = 60_000

export const command = defineCommand({
  summary: 'Bring the PostgreSQL tables to the definitions',
  details:
    'Compares the database with the definitions as they are now, and runs what is missing in one transaction: schemas, tables, columns. It only ever adds. A difference that adding does not mend is refused before anything runs, with the statements that a person would run. Prints the statements.',
  example: ['weirhouse migrate --dry-run', 'weirhouse migrate'],
  options: { dryRun: flag('print the statements that are missing, and run none') },
  async run({ dryRun }, io) {
    io.progress('Comparing the database with the definitions')
    const migration = await migrateStack(io, dryRun)
    await io.answer(migration, () => textOf(migration))
  },
})

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
