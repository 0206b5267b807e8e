/** What of our own sources a function does not need, and leaves out: errors that only the command line or a construct raises. */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { errorTable } from '../core/error-table.ts'

const src = fileURLToPath(new URL('../', import.meta.url))
/** `.ts` in the repository, `.js` in an installed package. */
const extension = extname(import.meta.url)

/** All that can end up in a function: folders, and single files of the operations function. */
const SHIPPED = ['core', 'aws', 'sinks', 'lambda', 'config', 'operations/function', 'operations/migrate']

export const lean: Plugin = {
  name: 'weirhouse-lean',
  setup: (builder) => {
    const table = join(src, `core/error-table${extension}`)
    builder.onLoad({ filter: /error-table\.[jt]s$/ }, ({ path }) =>
      path === table
        ? { contents: `export const errorTable = ${JSON.stringify(raisedErrors())}`, loader: 'js' }
        : undefined,
    )
  },
}

let raised: Partial<typeof errorTable> | undefined

/** The rows of the table that a file which may be shipped names. */
function raisedErrors(): Partial<typeof errorTable> {
  if (raised) return raised
  const codes = (file: string) => readFileSync(file, 'utf8').match(/WEIR_[A-Z_]+/g) ?? []
  const named = new Set(SHIPPED.flatMap(filesOf).flatMap(codes))
  raised = Object.fromEntries(Object.entries(errorTable).filter(([code]) => named.has(code)))
  return raised
}

function filesOf(part: string): string[] {
  if (part.includes('/')) return [join(src, part + extension)]
  return readdirSync(join(src, part), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !/(?:\.test|\.d|error-table)\.[jt]s$/.test(name))
    .map((name) => join(src, part, name))
}
