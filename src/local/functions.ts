/** Bundles every pipeline and runs it as a function in the sandbox, behind the Invoke call of the Lambda API. */
import { join } from 'node:path'
import { bundlePipeline } from '../bundle/index.ts'
import type { Bundle } from '../bundle/index.ts'
import type { LoadedPipeline } from '../config/load.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { functionEnvironment, functionName } from './deployment.ts'
import type { Stores } from './deployment.ts'
import { createFunctionHost } from './lambda/function-host.ts'
import { serveLambdaApi } from './lambda/http.ts'
import type { MappingControl } from './lambda/mappings-http.ts'
import { openStackLog } from './stream-log.ts'

/** Digits of a bundle's SHA-256 that tell one version from another. */
const SHA_DIGITS = 8

export interface Functions {
  readonly invoke: Invoke
  /** Deploys every bundle with its bindings. Functions start cold at their first invocation. */
  deploy(stores: Stores): Promise<void>
  /** Bundles a pipeline anew; its function runs on as it is. Throws WEIR_BUNDLE. */
  build(pipeline: LoadedPipeline): Promise<Bundle>
  /** Deploys a bundle in place of the one before: invocations under way end on the old version, the next is cold on the new. */
  replace(pipeline: Pipeline, bundle: Bundle, stores: Stores): Promise<void>
  /** What runs under a pipeline's name. */
  running(pipeline: string): Running
  close(): Promise<void>
}

export interface Running {
  readonly bundle: Bundle
  /** `version 3 (a1b2c3d4)`: which deployment since the start of the stack, and the first digits of its bundle's SHA-256. */
  readonly version: string
}

export interface FunctionsOptions {
  /** Folder of the stack. */
  readonly folder: string
  readonly pipelines: readonly LoadedPipeline[]
  /** Of the Lambda HTTP API. */
  readonly port: number
  readonly mappings: MappingControl
  /** By pipeline: the port of a debugger. */
  readonly inspect: Readonly<Record<string, number>>
}

/** Throws WEIR_BUNDLE, WEIR_PORT. */
export async function startFunctions(options: FunctionsOptions): Promise<Functions> {
  const { folder, pipelines, port, mappings, inspect } = options
  const logsFolder = join(folder, 'logs')
  const build = ({ pipeline, module }: LoadedPipeline): Promise<Bundle> =>
    bundlePipeline({
      modulePath: module,
      outFolder: join(folder, 'functions', functionName(pipeline), 'bundle'),
      pipelineName: pipeline.name,
      debug: inspect[pipeline.name] !== undefined,
    })
  const built = await Promise.all(pipelines.map(async (each) => ({ ...each, bundle: await build(each) })))
  const host = createFunctionHost({ logsFolder })
  const api = await serveLambdaApi({ host, mappings, port })
  const versions = new Map<string, { readonly number: number; readonly bundle: Bundle }>()
  const replace = async (pipeline: Pipeline, bundle: Bundle, stores: Stores): Promise<void> => {
    const number = (versions.get(pipeline.name)?.number ?? 0) + 1
    const name = functionName(pipeline)
    const log = openStackLog(logsFolder, name)
    const debuggerPort = inspect[pipeline.name]
    await host.deploy(
      {
        name,
        codeFolder: bundle.folder,
        handler: bundle.handler,
        timeoutSeconds: pipeline.function.timeoutSeconds,
        memoryMb: pipeline.function.memoryMb,
        environment: functionEnvironment(pipeline, stores),
        ...(debuggerPort === undefined ? {} : { inspect: debuggerPort }),
      },
      {
        onFirst: (requestId) => log('INFO', `${versionText(number, bundle)} runs from request ${requestId} on`),
        onDebugger: (address) => log('INFO', debuggerText(name, address)),
      },
    )
    versions.set(pipeline.name, { number, bundle })
  }
  return {
    invoke: host.invoke,
    build,
    replace,
    deploy: async (stores) => {
      for (const { pipeline, bundle } of built) await replace(pipeline, bundle, stores)
    },
    running: (pipeline) => {
      const { number, bundle } = versions.get(pipeline)!
      return { bundle, version: versionText(number, bundle) }
    },
    close: async () => {
      await api.close()
      await host.close()
    },
  }
}

function versionText(number: number, { sha256 }: Bundle): string {
  return `version ${number} (${sha256.slice(0, SHA_DIGITS)})`
}

/** What whoever debugs is to do: the address is for tools that ask for one. */
export function debuggerText(name: string, address: string): string {
  return `debugger of ${name}: ${address} (in Chrome open chrome://inspect, or let an editor attach to ${new URL(address).host})`
}
