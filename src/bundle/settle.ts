/**
 * Definitions are loaded as their function will load them, and validated: what is refused is not bundled, and what came of the
 * rest goes into the function (src/core/settled.ts).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { askThread } from '../config/thread.ts'
import { WeirError } from '../core/errors.ts'
import type { Settlement } from '../core/settled.ts'
import { buildEntry, FILE, inputsOf, sourceFile } from './build.ts'
import type { Entry } from './build.ts'

/** The cause of a refusal: it stands in one of these files. */
interface Refusal {
  readonly inputs: readonly string[]
}

export function isRefusal(cause: unknown): cause is Refusal {
  return typeof cause === 'object' && cause !== null && 'inputs' in cause
}

/** What validation came to. Throws WEIR_DEFINITION_INVALID with a Refusal as its cause, and what `buildEntry` does. */
export async function settleDefinitions(entry: Entry): Promise<readonly Settlement[]> {
  const { modulePaths, what } = entry
  const source = (path: string) => JSON.stringify(sourceFile(path))
  const loaded = modulePaths
    .map((path) => JSON.stringify(path))
    .map((path) => `asPipeline((await import(${path})).default, ${path})`)
  const lines = [
    `import { asPipeline } from ${source('config/load')}`,
    `import { answerWith } from ${source('config/thread')}`,
    `import { settlements } from ${source('core/settled')}`,
    `await answerWith(async () => { ${loaded.join('; ')}; return settlements })`,
  ]
  const built = await buildEntry(entry, lines, { define: { 'import.meta.settling': 'true' } })
  const folder = await mkdtemp(join(tmpdir(), 'weirhouse-definitions-'))
  try {
    const file = join(folder, FILE)
    await writeFile(file, built.outputFiles[0]!.contents)
    return await askThread<readonly Settlement[]>(pathToFileURL(file), what)
  } catch (error) {
    if (!(error instanceof WeirError)) throw error
    throw new WeirError(error.code, error.details, { cause: { inputs: inputsOf(entry, built) } satisfies Refusal })
  } finally {
    await rm(folder, { recursive: true })
  }
}
