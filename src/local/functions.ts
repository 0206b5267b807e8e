/** Bundles every pipeline and runs it as a function in the sandbox, behind the Invoke call of the Lambda API. */
import { join } from 'node:path'
import { bundlePipeline } from '../bundle/index.ts'
import type { LoadedPipeline } from '../config/load.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { functionEnvironment, functionName } from './deployment.ts'
import type { Stores } from './deployment.ts'
import { createFunctionHost } from './lambda/function-host.ts'
import type { SandboxFaults } from './lambda/instance.ts'
import { serveLambdaApi } from './lambda/http.ts'

export interface Functions {
  readonly invoke: Invoke
  /** Deploys every bundle with its bindings. Functions start cold at their first invocation. */
  deploy(stores: Stores): Promise<void>
  close(): Promise<void>
}

export interface FunctionsOptions {
  /** Folder of the stack. */
  readonly folder: string
  readonly pipelines: readonly LoadedPipeline[]
  /** Of the Lambda HTTP API. */
  readonly port: number
  readonly faults?: SandboxFaults | undefined
}

/** Throws WEIR_BUNDLE, WEIR_PORT. */
export async function startFunctions({ folder, pipelines, port, faults }: FunctionsOptions): Promise<Functions> {
  const bundles = await Promise.all(
    pipelines.map(async ({ pipeline, module }) => {
      const outFolder = join(folder, 'functions', functionName(pipeline), 'bundle')
      return { pipeline, bundle: await bundlePipeline({ modulePath: module, outFolder, pipelineName: pipeline.name }) }
    }),
  )
  const host = createFunctionHost({ logsFolder: join(folder, 'logs'), faults })
  const api = await serveLambdaApi({ host, port })
  return {
    invoke: host.invoke,
    deploy: async (stores) => {
      for (const { pipeline, bundle } of bundles)
        await host.deploy({
          name: functionName(pipeline),
          codeFolder: bundle.folder,
          handler: bundle.handler,
          timeoutSeconds: pipeline.function.timeoutSeconds,
          memoryMb: pipeline.function.memoryMb,
          environment: functionEnvironment(pipeline, stores),
        })
    },
    close: async () => {
      await api.close()
      await host.close()
    },
  }
}
