/**
 * What of our own sources a function does not need, and leaves out: errors that only the command line or a construct raises, or
 * that name a record's fault and are never raised; doors to modules, which it opens at once or never.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { errorTable, LETTER_CODES } from '../core/error-table.ts'
import { absentModule } from '../core/settled.ts'
import { sourceFile } from './build.ts'
import { standIn } from './unreached.ts'

const src = fileURLToPath(new URL('../', import.meta.url))
/** `.ts` in the repository, `.js` in an installed package. */
const extension = extname(import.meta.url)

/** All that can end up in a function: folders, and single files of the operations function. */
const SHIPPED = ['core', 'aws', 'sinks', 'lambda']
/** Of the operations function alone. */
const OPERATIONS = ['operations/function', 'operations/migrate', 'sinks/postgres/migrate']
const TABLE = join(src, `core/error-table${extension}`)
const SINKS = join(src, `sinks${sep}`)

/** @param unreached modules, by their paths in src/ without extension */
export const lean = (what: 'pipeline' | 'operations', unreached: readonly string[]): Plugin => ({
  name: 'weirhouse-lean',
  setup: (builder) => {
    const doors = what === 'pipeline' ? withoutDoors : withClosedDoors
    const absent = new Map(unreached.map((path) => [join(src, path + extension), path]))
    builder.onLoad({ filter: /[\\/](?:core|sinks)[\\/].*\.[jt]s$/ }, ({ path }) => {
      if (path === TABLE) return { contents: raisedErrors(what), loader: 'js' }
      const missing = absent.get(path)
      if (missing !== undefined) return { contents: standIn(missing, readFileSync(path, 'utf8')), loader: 'js' }
      return path.startsWith(SINKS) && basename(path) === `index${extension}`
        ? { contents: doors(readFileSync(path, 'utf8')), loader: 'ts' }
        : undefined
    })
  },
})

const DOOR = /\(await import\((['"]\.\/[^'"]+['"])\)\)(?=\.)|\bawait import\((['"]\.\/[^'"]+['"])\)/g

/** The operations function opens no sink. */
export function withClosedDoors(code: string): string {
  const closed = code.replaceAll(DOOR, (_, first?: string, second?: string) => `$closed(${first ?? second})()`)
  return `import { ${absentModule.name} as $closed } from ${JSON.stringify(sourceFile('core/settled'))}\n${closed}`
}

/** A function opens its sinks at once: a module that is loaded when it is asked for costs more bytes than it saves. */
export function withoutDoors(code: string): string {
  const doors: string[] = []
  const opened = code.replaceAll(DOOR, (_, first?: string, second?: string) => {
    doors.push(`import * as $door${doors.length} from ${first ?? second}`)
    return `$door${doors.length - 1}`
  })
  return [...doors, opened].join('\n')
}

/** The table, as code: the rows that a file which may be shipped names, and may throw. */
function raisedErrors(what: 'pipeline' | 'operations'): string {
  const others = OPERATIONS.flatMap(filesOf)
  const shared = SHIPPED.flatMap(filesOf).filter((file) => !others.includes(file))
  const codes = (file: string) => readFileSync(file, 'utf8').match(/WEIR_[A-Z_]+/g) ?? []
  const named = new Set([...shared, ...(what === 'operations' ? others : [])].flatMap(codes))
  for (const code of LETTER_CODES) named.delete(code)
  const rows = Object.entries(errorTable).flatMap(([code, { message, cure, retryable }]) => {
    const parts = [JSON.stringify(message), JSON.stringify(cure), ...(retryable ? ['true'] : [])]
    return named.has(code) ? [`${code}: row(${parts.join(', ')})`] : []
  })
  return [
    'const row = (message, cure, retryable) => ({ message, cure, retryable })',
    `export const errorTable = { ${rows.join(', ')} }`,
  ].join('\n')
}

function filesOf(part: string): string[] {
  if (OPERATIONS.includes(part)) return [join(src, part + extension)]
  return readdirSync(join(src, part), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !/(?:\.test|\.d|error-table)\.[jt]s$/.test(name))
    .map((name) => join(src, part, name))
}
