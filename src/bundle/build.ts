/** esbuild, set up for functions, and its failures in our words. */
import { extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { BuildFailure, BuildOptions, BuildResult, Message, Plugin } from 'esbuild'
import { installSpec, isOptionalPackage } from '../config/optional-module.ts'
import { WeirError } from '../core/errors.ts'
import { ownModule } from './own-package.ts'

export interface Entry {
  /** Absolute paths of the modules that default-export the pipelines. */
  readonly modulePaths: readonly string[]
  /** Where its imports begin. Names in a source map, and the order of equals, come from here. */
  readonly folder: string
  /** For errors. */
  readonly what: string
}

export type Built = BuildResult<{ write: false; metafile: true }>

/** Absolute path of a module by its path in src/: `.ts` in the repository, `.js` in an installed package. */
export function sourceFile(path: string): string {
  return fileURLToPath(new URL(`../${path}${extname(import.meta.url)}`, import.meta.url))
}

export const FILE = 'index.mjs'

/** Dependencies written as CommonJS, such as pg, call `require` for Node's own modules; an ES module has none. */
const REQUIRE = "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);"

/** pg asks for these only where it is told to, or on Cloudflare. */
const OPTIONAL = ['pg-native', 'pg-cloudflare']

/**
 * Throws WEIR_BUNDLE with file:line:column, WEIR_MODULE_MISSING.
 * @param lines of the module that is bundled
 * @param more what the purpose of the bundle asks for
 */
export async function buildEntry(entry: Entry, lines: readonly string[], more: BuildOptions): Promise<Built> {
  const stdin = { contents: lines.join('\n'), resolveDir: entry.folder, sourcefile: 'index.ts' }
  const plugins = [ownPackage, ...(more.plugins ?? [])]
  try {
    return await build({ ...settings(entry), ...more, stdin, plugins, write: false, metafile: true })
  } catch (error) {
    if (!isBuildFailure(error)) throw error
    const [first, ...others] = absentPackages(error)
    if (first !== undefined) {
      const install = [first, ...others].map((name) => installSpec(name)).join(' ')
      throw new WeirError(
        'WEIR_MODULE_MISSING',
        { module: first, what: inSentence(entry.what), install },
        { cause: error },
      )
    }
    const reason = error.errors.map((each) => describe(each, entry.folder)).join('; ')
    throw new WeirError('WEIR_BUNDLE', { what: entry.what, reason }, { cause: error })
  }
}

function settings({ folder }: Entry): BuildOptions {
  return {
    // Never from where the command was given.
    absWorkingDir: folder,
    // Not written there: the names in the source map are to be relative to the modules.
    outfile: join(folder, FILE),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Node 24 has them: one that is written out anew is kept, used or not.
    supported: { 'regexp-unicode-property-escapes': true },
    treeShaking: true,
    // `module` first: ES modules can be shaken, and load in half the time of their CommonJS twins.
    mainFields: ['module', 'main'],
    // Not 'import': esbuild adds it to imports itself; named here, require('pg-pool') would be given an ES module.
    conditions: ['module'],
    external: OPTIONAL,
    banner: { js: REQUIRE },
    legalComments: 'none',
    charset: 'utf8',
    // What the user's tsconfig.json sets for their editor must not change what is deployed.
    tsconfigRaw: {},
    logLevel: 'silent',
  }
}

const ownPackage: Plugin = {
  name: 'weirhouse',
  setup: (builder) => {
    builder.onResolve({ filter: /^weirhouse(\/|$)/ }, ({ path }) => {
      const file = ownModule(path)
      // Nothing of the package does anything when it is loaded, so that what is not used can go.
      return file === undefined
        ? { errors: [{ text: `"${path}" is not exported by weirhouse` }] }
        : { path: file, sideEffects: false }
    })
  },
}

/** Absolute paths of all files that were read. */
export function inputsOf({ folder }: Entry, { metafile }: Built): string[] {
  return Object.keys(metafile.inputs).map((file) => resolve(folder, file))
}

function inSentence(what: string): string {
  return `${what.charAt(0).toLowerCase()}${what.slice(1)}`
}

/** Packages that a sink of ours imports, and the user is to install: nothing is wrong with any source. */
function absentPackages({ errors }: BuildFailure): string[] {
  const names = errors.flatMap(({ text }) => /^Could not resolve "([^"]+)"/.exec(text)?.[1] ?? [])
  return [...new Set(names)].filter((name) => isOptionalPackage(name))
}

export function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

/** Editors and terminals make `file:line:column` a link. esbuild counts columns from 0. */
function describe({ location, text }: Message, folder: string): string {
  if (!location) return text
  const file = relative(process.cwd(), resolve(folder, location.file))
  return `${file}:${location.line}:${location.column + 1}: ${text}`
}
