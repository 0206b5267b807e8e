/**
 * What of our own sources a function does not need, and leaves out: the texts of options, which are for the reference pages;
 * errors that only the command line or a construct raises; doors to modules that it opens at once.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { errorTable } from '../core/error-table.ts'

const src = fileURLToPath(new URL('../', import.meta.url))
/** `.ts` in the repository, `.js` in an installed package. */
const extension = extname(import.meta.url)

/** All that can end up in a function: folders, and single files of the operations function. */
const SHIPPED = ['core', 'aws', 'sinks', 'lambda']
/** Of the operations function alone. */
const OPERATIONS = ['operations/function', 'operations/migrate', 'sinks/postgres/migrate']
const TABLE = join(src, `core/error-table${extension}`)
const SINKS = join(src, `sinks${sep}`)
const OPTIONS = join(src, `core/pipeline${extension}`)

export const lean = (what: 'pipeline' | 'operations'): Plugin => ({
  name: 'weirhouse-lean',
  setup: (builder) => {
    builder.onLoad({ filter: /[\\/](?:error-table|index|options|pipeline)\.[jt]s$/ }, ({ path }) => {
      if (path === TABLE)
        return { contents: `export const errorTable = ${JSON.stringify(raisedErrors(what))}`, loader: 'js' }
      if (!path.startsWith(SINKS) && path !== OPTIONS) return undefined
      return { contents: withoutDoors(withoutTexts(readFileSync(path, 'utf8'))), loader: 'ts' }
    })
  },
})

/** A function opens its sinks at once: a module that is loaded when it is asked for costs more bytes than it saves. */
export function withoutDoors(code: string): string {
  const doors: string[] = []
  // `await` of what is no promise gives it back.
  const opened = code.replaceAll(/\bimport\((['"]\.\/[^'"]+['"])\)/g, (_, specifier: string) => {
    doors.push(`import * as $door${doors.length} from ${specifier}`)
    return `$door${doors.length - 1}`
  })
  return [...doors, opened].join('\n')
}

const TEXT = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/.source
/** The end of a `describe(schema, text, unit)`: a capital begins each text, and a period ends it. */
const LAST_ARGUMENTS = new RegExp(String.raw`,\s*(${TEXT})(?:,\s*'[a-zA-Z]+')?,?\s*\)`, 'g')

/** `describe(schema, text)` becomes `describe(schema)`; messages of checks stay. */
export function withoutTexts(code: string): string {
  return code.replaceAll(LAST_ARGUMENTS, (all, text: string) => (/^.[A-Z`][^]*\..$/.test(text) ? ', "")' : all))
}

/** The rows of the table that a file which may be shipped names. */
function raisedErrors(what: 'pipeline' | 'operations'): Partial<typeof errorTable> {
  const others = OPERATIONS.flatMap(filesOf)
  const shared = SHIPPED.flatMap(filesOf).filter((file) => !others.includes(file))
  const codes = (file: string) => readFileSync(file, 'utf8').match(/WEIR_[A-Z_]+/g) ?? []
  const named = new Set([...shared, ...(what === 'operations' ? others : [])].flatMap(codes))
  return Object.fromEntries(Object.entries(errorTable).filter(([code]) => named.has(code)))
}

function filesOf(part: string): string[] {
  if (OPERATIONS.includes(part)) return [join(src, part + extension)]
  return readdirSync(join(src, part), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(extension) && !/(?:\.test|\.d|error-table)\.[jt]s$/.test(name))
    .map((name) => join(src, part, name))
}
