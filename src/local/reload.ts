/** The developer's loop: a file of a pipeline is saved, and its function runs the new code. */
import { basename, dirname, extname, join, relative, sep } from 'node:path'
import { foldersAtFault } from '../bundle/index.ts'
import type { Bundle } from '../bundle/index.ts'
import { CONFIG_FILE } from '../config/load.ts'
import type { LoadedPipeline } from '../config/load.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import { KIB } from '../core/limits.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Log } from '../core/ports.ts'
import { changesOf } from './changes.ts'
import { loadDefinition } from './definition.ts'
import { functionName } from './deployment.ts'
import type { Functions } from './functions.ts'
import type { Flow, Mappings } from './mappings.ts'
import { provision } from './provision.ts'
import type { ProvisionEndpoints } from './provision.ts'
import { openStackLog, STACK_FOLDER } from './stream-log.ts'
import { watchFolders } from './watch.ts'

/** A stack that runs, as far as its functions can be replaced. */
export interface Replaceable {
  /** Folder of weirhouse.config.ts. */
  readonly root: string
  /** Folder of the log streams: all that is said of a reload stands there. */
  readonly logs: string
  readonly pipelines: readonly LoadedPipeline[]
  readonly functions: Functions
  readonly mappings: Mappings
  readonly flow: Flow
  readonly endpoints: ProvisionEndpoints
  /** A definition changed: whoever looks the stack up is to see it. */
  readonly onDefinition: (pipelines: readonly LoadedPipeline[]) => void
}

export interface Reloading {
  /** The files that are watched, of all pipelines. */
  files(): readonly string[]
  /** Resolves when nothing is being replaced any more. */
  close(): Promise<void>
}

interface Saved {
  readonly paths: Set<string>
  readonly at: number
}

interface Watched {
  readonly log: Log
  loaded: LoadedPipeline
  inputs: ReadonlySet<string>
  /** Where a file may appear that mends a bundle that fails; empty where it does not. */
  atFault: readonly string[]
  /** What was saved since the last look. */
  saved: Saved | undefined
  /** What was wrong with the last one. */
  fault: string | undefined
  working: Promise<void> | undefined
}

/** Of a file that may mend a bundle; a folder, which has none, may bring one along. */
const CODE = /^(?:\.(?:[cm]?[jt]sx?|json))?$/

/** Begins to watch. Throws WEIR_WATCH. */
export function reloadOnSave(stack: Replaceable): Reloading {
  const config = join(stack.root, CONFIG_FILE)
  const all = stack.pipelines.map((loaded): Watched => {
    const { bundle } = stack.functions.running(loaded.pipeline.name)
    return {
      log: openStackLog(stack.logs, functionName(loaded.pipeline)),
      loaded,
      inputs: ownFiles(bundle),
      atFault: [],
      saved: undefined,
      fault: undefined,
      working: undefined,
    }
  })
  const watch = watchFolders({
    wants: (path) => path === config || all.some((each) => concerns(each, path)),
    onSaved: (paths, at) => {
      if (paths.has(config)) tellConfig(stack)
      for (const each of all) {
        const own = [...paths].filter((path) => concerns(each, path))
        if (own.length === 0) continue
        each.saved = { paths: new Set([...(each.saved?.paths ?? []), ...own]), at: each.saved?.at ?? at }
        each.working ??= work(each)
      }
    },
  })
  const rewatch = () =>
    watch.folders([stack.root, ...all.flatMap(({ inputs, atFault }) => [...Array.from(inputs, dirname), ...atFault])])
  const look = async (each: Watched, saved: Saved, again: boolean): Promise<void> => {
    const before = each.loaded
    const told = each.fault
    each.fault = undefined
    try {
      await reload(stack, each, saved)
    } catch (error) {
      each.fault = lineOf(error)
      if (!again || each.fault !== told) each.log('ERROR', `${each.fault}; ${keeps(stack, each)}`)
    }
    if (each.loaded !== before) stack.onDefinition(all.map(({ loaded }) => loaded))
    // What came into a folder before it was watched may be just the file that was missing.
    if (rewatch() && !again && each.atFault.length > 0) await look(each, saved, true)
  }
  const work = async (each: Watched): Promise<void> => {
    for (let { saved } = each; saved; { saved } = each) {
      each.saved = undefined
      try {
        await look(each, saved, false)
      } catch (error) {
        each.log('ERROR', lineOf(error))
      }
    }
    each.working = undefined
  }
  rewatch()
  return {
    files: () => [...new Set(all.flatMap(({ inputs }) => [...inputs]))],
    close: async () => {
      watch.close()
      await Promise.all(all.map(({ working }) => working ?? Promise.resolve()))
    },
  }
}

/** What a project itself wrote, and in a clone of Weirhouse its sources: packages change by an install alone. */
function ownFiles({ inputs }: Bundle): ReadonlySet<string> {
  return new Set(inputs.filter((file) => !file.includes(`${sep}node_modules${sep}`)))
}

function concerns({ inputs, atFault }: Watched, path: string): boolean {
  return inputs.has(path) || (atFault.length > 0 && CODE.test(extname(path)) && !basename(path).startsWith('.'))
}

function tellConfig({ logs }: Replaceable): void {
  const text = `${CONFIG_FILE} was saved: it is read at the start only. To take it over, stop this with Ctrl-C and start it again.`
  openStackLog(logs, STACK_FOLDER)('WARN', text)
}

async function reload(stack: Replaceable, each: Watched, saved: Saved): Promise<void> {
  const before = each.loaded
  const [built, defined] = await Promise.allSettled([stack.functions.build(before), loadDefinition(before.module)])
  if (built.status === 'rejected') {
    const { reason } = built
    each.atFault = reason instanceof WeirError ? foldersAtFault(reason, { modulePath: before.module }) : []
    // A definition that is not valid, both refuse: who loads its source knows the line.
    const refused = reason instanceof WeirError && reason.code === 'WEIR_DEFINITION_INVALID'
    throw refused && defined.status === 'rejected' ? defined.reason : reason
  }
  each.atFault = []
  each.inputs = ownFiles(built.value)
  if (defined.status === 'rejected') throw defined.reason
  await takeOver(stack, each, built.value, defined.value, saved)
}

async function takeOver(
  stack: Replaceable,
  each: Watched,
  bundle: Bundle,
  pipeline: Pipeline,
  { paths, at }: Saved,
): Promise<void> {
  const { functions, endpoints, mappings, flow } = stack
  const changes = changesOf(each.loaded.pipeline, pipeline)
  const file = relative(process.cwd(), [...paths][0]!)
  if (changes.refused.length > 0) {
    const why = changes.refused.join('; ')
    each.log('WARN', `${file} was saved, but a running stack cannot take that over: ${why}. ${startAgain(stack, each)}`)
    return
  }
  const running = functions.running(each.loaded.pipeline.name)
  if (bundle.sha256 === running.bundle.sha256) {
    each.log('INFO', `${file} was saved; the bundle is the same, ${running.version} runs on`)
    return
  }
  if (changes.stores) await provision([pipeline], endpoints)
  await functions.replace(pipeline, bundle, endpoints)
  each.loaded = { ...each.loaded, pipeline }
  const { version } = functions.running(pipeline.name)
  const size = `${Math.round(bundle.bytes / KIB)} KiB`
  const took = Math.round(performance.now() - at)
  each.log(
    'INFO',
    `${version}, ${size}, built in ${bundle.milliseconds} ms, deployed ${took} ms after ${file} was saved`,
  )
  if (changes.stores) each.log('INFO', 'topic, tables and columns that the definition names are there')
  if (!changes.mapping) return
  await mappings.replace(pipeline, flow)
  each.log('INFO', 'the event source mapping has its new settings')
}

function keeps({ functions }: Replaceable, { loaded }: Watched): string {
  return `${functions.running(loaded.pipeline.name).version} runs on`
}

function startAgain(stack: Replaceable, each: Watched): string {
  return `Stop with Ctrl-C and start again for a clean stack (with --data-dir, change what is there by hand first); ${keeps(stack, each)}`
}

/** Places first: editors and terminals make them links. */
function lineOf(error: unknown): string {
  if (!(error instanceof WeirError)) return messageOf(error)
  if (error.code === 'WEIR_BUNDLE') return String(error.details.reason)
  return error.toLine().replace(/\.$/, '')
}
