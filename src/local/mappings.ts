/** One event source mapping a pipeline, from its topic to its function. */
import { join } from 'node:path'
import { systemPorts } from '../aws/index.ts'
import type { LoadedPipeline } from '../config/load.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { createMapping } from '../event-source/mapping.ts'
import { mappingSettings } from '../event-source/settings.ts'
import { functionName } from './deployment.ts'
import type { Identity } from './identity.ts'
import type { KafkaEndpoint } from './service.ts'
import { streamLog } from './stream-log.ts'

const STREAM = 'event-source-mapping'

export interface MappingsOptions {
  readonly pipelines: readonly LoadedPipeline[]
  readonly kafka: KafkaEndpoint
  readonly identity: Identity
  readonly invoke: Invoke
  /** Folder of the functions' log streams. */
  readonly logs: string
}

export interface Mappings {
  /** Waits for invocations in flight, commits, leaves the groups. */
  stop(): Promise<void>
}

/** Resolves once every mapping is a member of its group. Throws WEIR_MAPPING_INVALID, WEIR_KAFKA. */
export async function startMappings({ pipelines, kafka, identity, invoke, logs }: MappingsOptions): Promise<Mappings> {
  const mappings = pipelines.map(({ pipeline }) =>
    createMapping({
      settings: mappingSettings({
        uuid: identity.mappings[pipeline.name]!,
        functionName: functionName(pipeline),
        topics: [pipeline.source.topic],
        batchSize: pipeline.source.batch.records,
        windowSeconds: pipeline.source.batch.windowSeconds,
        eventSourceArn: identity.clusterArn,
        functionTimeoutSeconds: pipeline.function.timeoutSeconds,
      }),
      connection: kafka,
      invoke,
      log: streamLog(join(logs, functionName(pipeline)), STREAM),
      ...systemPorts,
    }),
  )
  await Promise.all(mappings.map((mapping) => mapping.start()))
  return {
    stop: async () => {
      await Promise.all(mappings.map((mapping) => mapping.stop()))
    },
  }
}
