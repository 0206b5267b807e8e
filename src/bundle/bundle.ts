/**
 * esbuild turns a pipeline into the code of its function, one ES module with what that pipeline uses and nothing else, and all
 * pipelines into that of the operations function.
 * The same files run in the sandbox and on AWS, and the same input gives the same bytes.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import type { BuildFailure, BuildOptions, BuildResult, Message, Metafile, Plugin } from 'esbuild'
import { installSpec, isOptionalPackage } from '../config/optional-module.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import { lean } from './lean.ts'
import { ownModule } from './own-package.ts'

export interface BundleOptions {
  /** Absolute path of the module that default-exports the pipeline. */
  readonly modulePath: string
  /** Emptied, then written: it is to hold nothing but the bundle. */
  readonly outFolder: string
  /** For errors. */
  readonly pipelineName: string
  /** Also writes index.mjs.map, which the code does not mention. Default false. */
  readonly sourceMap?: boolean
  /** For a debugger: not minified, and with a source map inside that leads to the sources. Default false. */
  readonly debug?: boolean
}

export interface OperationsBundleOptions {
  /** Absolute paths of the modules that default-export the pipelines, in their order in the configuration. */
  readonly modulePaths: readonly string[]
  /** As of a pipeline's bundle. */
  readonly outFolder: string
  readonly sourceMap?: boolean
}

export interface Bundle {
  readonly folder: string
  /** `file.export`, as Lambda's Handler setting wants it. */
  readonly handler: 'index.handler'
  readonly bytes: number
  /** Of index.mjs, in hexadecimal. */
  readonly sha256: string
  readonly milliseconds: number
  /** Source files that ended up inside, relative to the pipeline's folder, with the bytes that each takes up. */
  readonly modules: Readonly<Record<string, number>>
  /** Absolute paths of all files that were read for it: a change in one of them can change the bundle. */
  readonly inputs: readonly string[]
}

const FILE = 'index.mjs'

/** Dependencies written as CommonJS, such as pg, call `require` for Node's own modules; an ES module has none. */
const REQUIRE = "import{createRequire as $require}from'node:module';const require=$require(import.meta.url);"

/** pg asks for these only where it is told to, or on Cloudflare. */
const OPTIONAL = ['pg-native', 'pg-cloudflare']

/** Throws WEIR_BUNDLE with file:line:column where the code does not build, WEIR_FOLDER where the folder cannot be written. */
export function bundlePipeline({
  modulePath,
  outFolder,
  pipelineName,
  sourceMap,
  debug,
}: BundleOptions): Promise<Bundle> {
  return bundleEntry({
    kind: 'pipeline',
    contents: [
      `import pipeline from ${JSON.stringify(modulePath)}`,
      "import { createHandler } from 'weirhouse/lambda'",
      'export const handler = createHandler(pipeline)',
    ],
    folder: dirname(modulePath),
    what: `Pipeline "${pipelineName}"`,
    outFolder,
    sourceMap,
    debug,
  })
}

/** The operations function of these pipelines. Throws as `bundlePipeline`. */
export function bundleOperations({ modulePaths, outFolder, sourceMap }: OperationsBundleOptions): Promise<Bundle> {
  return bundleEntry({
    kind: 'operations',
    contents: [
      ...modulePaths.map((path, i) => `import pipeline${i} from ${JSON.stringify(path)}`),
      "import { createOperations } from 'weirhouse/operations'",
      `export const handler = createOperations([${modulePaths.map((_, i) => `pipeline${i}`).join(', ')}])`,
    ],
    folder: commonFolder(modulePaths.map((path) => dirname(path))),
    what: 'The operations function',
    outFolder,
    sourceMap,
  })
}

interface Entry {
  readonly kind: 'pipeline' | 'operations'
  /** Lines of the module that exports the handler. */
  readonly contents: readonly string[]
  /** Where its imports begin. Names in a source map, and the order of equals, come from here. */
  readonly folder: string
  /** For errors. */
  readonly what: string
  readonly outFolder: string
  readonly sourceMap?: boolean | undefined
  readonly debug?: boolean | undefined
}

async function bundleEntry(entry: Entry): Promise<Bundle> {
  const start = performance.now()
  const { outFolder } = entry
  const { outputFiles, metafile } = await run(entry)
  const code = outputFiles.find((file) => file.path.endsWith(FILE))!.contents
  try {
    await mkdir(outFolder, { recursive: true })
    for (const name of await readdir(outFolder)) await rm(join(outFolder, name), { recursive: true })
    for (const file of outputFiles) await writeFile(join(outFolder, basename(file.path)), file.contents)
  } catch (error) {
    throw new WeirError('WEIR_FOLDER', { folder: outFolder, reason: messageOf(error) }, { cause: error })
  }
  return {
    folder: outFolder,
    handler: 'index.handler',
    bytes: code.length,
    sha256: createHash('sha256').update(code).digest('hex'),
    milliseconds: Math.round(performance.now() - start),
    modules: modulesOf(metafile),
    inputs: Object.keys(metafile.inputs).map((file) => resolve(entry.folder, file)),
  }
}

/** The deepest folder that all of these lie in. */
function commonFolder([first = process.cwd(), ...others]: readonly string[]): string {
  const inside = (folder: string) => others.every((each) => `${each}${sep}`.startsWith(join(folder, sep)))
  let folder = first
  while (!inside(folder) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

type Result = BuildResult<{ write: false; metafile: true }>

async function run(entry: Entry): Promise<Result> {
  try {
    return await build({ ...settings(entry), write: false, metafile: true })
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

function inSentence(what: string): string {
  return `${what.charAt(0).toLowerCase()}${what.slice(1)}`
}

/** Packages that a sink of ours imports, and the user is to install: nothing is wrong with any source. */
function absentPackages({ errors }: BuildFailure): string[] {
  const names = errors.flatMap(({ text }) => /^Could not resolve "([^"]+)"/.exec(text)?.[1] ?? [])
  return [...new Set(names)].filter((name) => isOptionalPackage(name))
}

function settings({ kind, contents, folder, sourceMap = false, debug = false }: Entry): BuildOptions {
  return {
    stdin: { contents: contents.join('\n'), resolveDir: folder, sourcefile: 'index.ts' },
    // Never from where the command was given.
    absWorkingDir: folder,
    // Not written there: the names in the source map are to be relative to the modules.
    outfile: join(folder, FILE),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minify: !debug,
    treeShaking: true,
    // `module` first: ES modules can be shaken, and load in half the time of their CommonJS twins.
    mainFields: ['module', 'main'],
    // Not 'import': esbuild adds it to imports itself; named here, require('pg-pool') would be given an ES module.
    conditions: ['module'],
    external: OPTIONAL,
    banner: { js: REQUIRE },
    legalComments: 'none',
    charset: 'utf8',
    sourcemap: debug ? 'inline' : sourceMap ? 'external' : false,
    // The bundle is copied to where it runs: names relative to the module would lead nowhere from there.
    ...(debug ? { sourceRoot: pathToFileURL(`${folder}/`).href, sourcesContent: false } : {}),
    // What the user's tsconfig.json sets for their editor must not change what is deployed.
    tsconfigRaw: {},
    logLevel: 'silent',
    // A debugger leads to the sources, line by line.
    plugins: debug ? [ownPackage] : [ownPackage, lean(kind)],
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

function modulesOf({ outputs }: Metafile): Record<string, number> {
  const output = Object.entries(outputs).find(([file]) => file.endsWith(FILE))![1]
  return Object.fromEntries(
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [[file, bytesInOutput]] : [],
    ),
  )
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

/**
 * The folders in which a file may appear that mends a bundle which failed: those of the files at fault, and of relative
 * imports that lead nowhere. They may not be there themselves.
 */
export function foldersAtFault({ cause }: WeirError, { modulePath }: Pick<BundleOptions, 'modulePath'>): string[] {
  if (!isBuildFailure(cause)) return []
  return cause.errors.flatMap(({ location, text }) => {
    if (!location) return []
    const folder = dirname(resolve(dirname(modulePath), location.file))
    const missing = /^Could not resolve "(\.[^"]*)"/.exec(text)?.[1]
    return missing === undefined ? [folder] : [folder, dirname(resolve(folder, missing))]
  })
}

/** Editors and terminals make `file:line:column` a link. esbuild counts columns from 0. */
function describe({ location, text }: Message, folder: string): string {
  if (!location) return text
  const file = relative(process.cwd(), resolve(folder, location.file))
  return `${file}:${location.line}:${location.column + 1}: ${text}`
}
