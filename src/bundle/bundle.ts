/**
 * esbuild turns a pipeline into the code of its function, one ES module with what that pipeline uses and nothing else, and all
 * pipelines into that of the operations function.
 * The same files run in the sandbox and on AWS, and the same input gives the same bytes.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BuildOptions, Metafile } from 'esbuild'
import { messageOf, WeirError } from '../core/errors.ts'
import { buildEntry, FILE, inputsOf, isBuildFailure } from './build.ts'
import type { Entry } from './build.ts'
import { lean } from './lean.ts'
import { isRefusal, settleDefinitions } from './settle.ts'
import { unreached } from './unreached.ts'

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

/**
 * Throws WEIR_BUNDLE with file:line:column where the code does not build, WEIR_DEFINITION_INVALID where the definition is not valid,
 * WEIR_FOLDER where the folder cannot be written.
 */
export function bundlePipeline(options: BundleOptions): Promise<Bundle> {
  const { modulePath, pipelineName } = options
  return bundleEntry(
    { modulePaths: [modulePath], folder: dirname(modulePath), what: `Pipeline "${pipelineName}"` },
    options,
    {
      kind: 'pipeline',
      lines: ["import { createHandler } from 'weirhouse/lambda'", 'export const handler = createHandler(pipeline0)'],
    },
  )
}

/** The operations function of these pipelines. Throws as `bundlePipeline`. */
export function bundleOperations(options: OperationsBundleOptions): Promise<Bundle> {
  const { modulePaths } = options
  const folder = commonFolder(modulePaths.map((path) => dirname(path)))
  return bundleEntry({ modulePaths, folder, what: 'The operations function' }, options, {
    kind: 'operations',
    lines: [
      "import { createOperations } from 'weirhouse/operations'",
      `export const handler = createOperations([${modulePaths.map((_, i) => `pipeline${i}`).join(', ')}])`,
    ],
  })
}

interface Purpose {
  readonly kind: 'pipeline' | 'operations'
  /** Of the module that exports the handler; the pipelines are `pipeline0`, `pipeline1`, ... */
  readonly lines: readonly string[]
}

type Wanted = Pick<BundleOptions, 'outFolder' | 'sourceMap' | 'debug'>

async function bundleEntry(entry: Entry, wanted: Wanted, { kind, lines }: Purpose): Promise<Bundle> {
  const start = performance.now()
  const { outFolder, debug } = wanted
  const purpose = debug ? forDebugger(entry) : await forService(entry, kind)
  const imports = entry.modulePaths.map((path, i) => `import pipeline${i} from ${JSON.stringify(path)}`)
  const built = await buildEntry(entry, [...imports, ...lines], {
    ...purpose,
    sourcemap: debug ? 'inline' : wanted.sourceMap ? 'external' : false,
  })
  const { outputFiles, metafile } = built
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
    inputs: inputsOf(entry, built),
  }
}

/** As it is written, whole: it validates its definition when it is loaded. */
function forDebugger({ folder }: Entry): BuildOptions {
  // The bundle is copied to where it runs: names relative to the module would lead nowhere from there.
  return { sourceRoot: pathToFileURL(`${folder}/`).href, sourcesContent: false }
}

async function forService(entry: Entry, kind: Purpose['kind']): Promise<BuildOptions> {
  const settlements = await settleDefinitions(entry)
  const settled = Object.fromEntries(settlements.map(({ digest, patch }) => [digest, patch]))
  return {
    minify: true,
    define: { 'import.meta.bundled': 'true', 'import.meta.settled': JSON.stringify(settled) },
    plugins: [lean(kind, kind === 'pipeline' ? unreached(settlements) : [])],
  }
}

const MODULES = `${sep}node_modules${sep}`

/** The deepest folder that all of these lie in. */
function commonFolder([first = process.cwd(), ...others]: readonly string[]): string {
  const inside = (folder: string) => others.every((each) => `${each}${sep}`.startsWith(join(folder, sep)))
  let folder = first
  while (!inside(folder) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

function modulesOf({ outputs }: Metafile): Record<string, number> {
  const output = Object.entries(outputs).find(([file]) => file.endsWith(FILE))![1]
  return Object.fromEntries(
    Object.entries(output.inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [[file, bytesInOutput]] : [],
    ),
  )
}

/**
 * The folders in which a file may appear that mends a bundle which failed: those of the files at fault, and of relative
 * imports that lead nowhere. They may not be there themselves. Of a definition that is refused, those of all its own files.
 */
export function foldersAtFault({ cause }: WeirError, { modulePath }: Pick<BundleOptions, 'modulePath'>): string[] {
  if (isRefusal(cause)) return cause.inputs.filter((file) => !file.includes(MODULES)).map((file) => dirname(file))
  if (!isBuildFailure(cause)) return []
  return cause.errors.flatMap(({ location, text }) => {
    if (!location) return []
    const folder = dirname(resolve(dirname(modulePath), location.file))
    const missing = /^Could not resolve "(\.[^"]*)"/.exec(text)?.[1]
    return missing === undefined ? [folder] : [folder, dirname(resolve(folder, missing))]
  })
}
