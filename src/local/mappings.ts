/** One event source mapping a pipeline, from its topic to its function. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemPorts } from '../aws/index.ts'
import type { LoadedPipeline } from '../config/load.ts'
import type { Log } from '../core/ports.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { createMapping } from '../event-source/mapping.ts'
import { mappingSettings } from '../event-source/settings.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { functionName } from './deployment.ts'
import type { StackIdentity } from './identity.ts'

export interface MappingsOptions {
  readonly pipelines: readonly LoadedPipeline[]
  readonly kafka: KafkaConnection
  readonly identity: StackIdentity
  readonly invoke: Invoke
  /** Folder of the functions' log streams. */
  readonly logs: string
}

export interface Mappings {
  /** Waits for invocations in flight, commits, leaves the groups. */
  stop(): Promise<void>
}

/** Resolves once every mapping is a member of its group. Throws WEIR_MAPPING_INVALID, or why one may not join. */
export async function startMappings({ pipelines, kafka, identity, invoke, logs }: MappingsOptions): Promise<Mappings> {
  const mappings = pipelines.map(({ pipeline }) =>
    createMapping({
      settings: mappingSettings({
        uuid: identity.mappings[pipeline.name]!,
        functionName: functionName(pipeline),
        topics: [pipeline.source.topic],
        consumerGroupId: identity.groups[pipeline.name]!,
        batchSize: pipeline.source.batch.records,
        windowSeconds: pipeline.source.batch.windowSeconds,
        eventSourceArn: identity.clusterArn,
        functionTimeoutSeconds: pipeline.function.timeoutSeconds,
      }),
      connection: kafka,
      invoke,
      log: streamLog(join(logs, functionName(pipeline))),
      ...systemPorts,
    }),
  )
  const stop = async () => {
    await Promise.all(mappings.map((mapping) => mapping.stop()))
  }
  try {
    await Promise.all(mappings.map((mapping) => mapping.start()))
  } catch (error) {
    await stop()
    throw error
  }
  return { stop }
}

const STREAM = 'event-source-mapping.log'

/** What the mapping has to say stands beside what its function says, so that `weirhouse logs` shows both in order. */
function streamLog(folder: string): Log {
  mkdirSync(folder, { recursive: true })
  return (level, message, fields = {}) => {
    const timestamp = Date.now()
    const line = JSON.stringify({ timestamp: new Date(timestamp).toISOString(), level, message, ...fields })
    appendFileSync(join(folder, STREAM), `${JSON.stringify({ timestamp, message: line })}\n`)
  }
}
