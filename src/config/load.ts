import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messageOf, WeirError } from '../core/errors.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { defineConfig } from './define.ts'
import type { Samples } from './define.ts'
import type { Environment } from './environments.ts'

export const CONFIG_FILE = 'weirhouse.config.ts'

export interface LoadedPipeline {
  readonly pipeline: Pipeline
  /** Absolute path of the module that default-exports it. */
  readonly module: string
  /** Absolute path of its samples module. */
  readonly samples?: string
}

export interface Project {
  /** Folder of weirhouse.config.ts. */
  readonly root: string
  readonly pipelines: readonly LoadedPipeline[]
  /** By name. */
  readonly environments: Readonly<Record<string, Environment>>
}

/** The nearest folder at or above `from` with a weirhouse.config.ts. Throws WEIR_NO_PROJECT where there is none. */
export function findRoot(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, CONFIG_FILE))) return folder
    if (folder === dirname(folder)) throw new WeirError('WEIR_NO_PROJECT', { folder: resolve(from) })
  }
}

/** Loads the configuration and every pipeline it names. Throws WEIR_DEFINITION_INVALID with the file and the fault. */
export async function loadProject(from: string): Promise<Project> {
  const root = findRoot(from)
  const config = defineConfig(
    (await importDefault(join(root, CONFIG_FILE), CONFIG_FILE)) as Parameters<typeof defineConfig>[0],
  )
  const pipelines: LoadedPipeline[] = []
  for (const path of config.pipelines) {
    const module = resolve(root, path)
    const pipeline = await loadPipeline(module)
    const samples = config.samples[pipeline.name]
    pipelines.push({ pipeline, module, ...(samples === undefined ? {} : { samples: resolve(root, samples) }) })
  }
  const names = pipelines.map((each) => each.pipeline.name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined)
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: CONFIG_FILE, reason: `two pipelines are named "${twice}"` })
  const stray = Object.keys(config.samples).find((name) => !names.includes(name))
  if (stray !== undefined)
    throw new WeirError('WEIR_DEFINITION_INVALID', {
      what: CONFIG_FILE,
      reason: `samples: there is no pipeline "${stray}"`,
    })
  return { root, pipelines, environments: config.environments }
}

/** Loads one pipeline module. Throws WEIR_DEFINITION_INVALID. */
export async function loadPipeline(module: string): Promise<Pipeline> {
  return asPipeline(await importDefault(module, module), module)
}

/** Throws WEIR_DEFINITION_INVALID. */
export function asPipeline(value: unknown, module: string): Pipeline {
  const pipeline = value as Pipeline | undefined
  if (typeof pipeline?.decode?.decode !== 'function' || !Array.isArray(pipeline.sinks))
    throw new WeirError('WEIR_DEFINITION_INVALID', {
      what: module,
      reason: 'its default export is not a pipeline(...)',
    })
  return pipeline
}

/** Loads a samples module. Throws WEIR_DEFINITION_INVALID. */
export async function loadSamples(module: string): Promise<Samples> {
  const value = await importDefault(module, module)
  if (typeof value !== 'function')
    throw new WeirError('WEIR_DEFINITION_INVALID', { what: module, reason: 'its default export is no function' })
  return value as Samples
}

async function importDefault(file: string, what: string): Promise<unknown> {
  if (!existsSync(file)) throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason: 'there is no such file' })
  try {
    const loaded = (await import(pathToFileURL(file).href)) as { default?: unknown }
    if (loaded.default === undefined)
      throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason: 'it has no default export' })
    return loaded.default
  } catch (error) {
    if (error instanceof WeirError) throw error
    if (isTakenForCommonJs(file, error))
      throw new WeirError(
        'WEIR_DEFINITION_INVALID',
        { what, reason: 'the nearest package.json takes it for CommonJS; say otherwise: npm pkg set type=module' },
        { cause: error },
      )
    const reason = `${placeIn(file, error)}${messageOf(error).replace(/\.$/, '')}`
    throw new WeirError('WEIR_DEFINITION_INVALID', { what, reason }, { cause: error })
  }
}

/** `npm init -y` writes "type": "commonjs"; Node's own texts do not say where that stands. */
function isTakenForCommonJs(file: string, error: unknown): boolean {
  if (!(error instanceof SyntaxError)) return false
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json')
    if (existsSync(manifest)) return /"type"\s*:\s*"commonjs"/.test(readFileSync(manifest, 'utf8'))
    if (folder === dirname(folder)) return false
  }
}

/** `line 3: ` where the stack of the error names a line of that file: first of a fault of syntax, or a frame. */
function placeIn(file: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const found = [file, pathToFileURL(file).href].map((name) => stack.split(`${name}:`)[1]).find((text) => text)
  const line = /^\d+/.exec(found ?? '')?.[0]
  return line === undefined ? '' : `line ${line}: `
}

/** The environment of that name. Throws WEIR_UNKNOWN. */
export function environmentOf({ environments }: Pick<Project, 'environments'>, name: string): Environment {
  const found = Object.hasOwn(environments, name) ? environments[name] : undefined
  if (found) return found
  const known = Object.keys(environments).join(', ') || `none: name one under \`environments\` in ${CONFIG_FILE}`
  throw new WeirError('WEIR_UNKNOWN', { what: 'environment', name, known })
}
