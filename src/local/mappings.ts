/** One event source mapping a pipeline, from its topic to its function; the stack's own and the Lambda API's hand on them. */
import { systemPorts } from '../aws/index.ts'
import { messageOf } from '../core/errors.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { createMapping } from '../event-source/mapping.ts'
import type { Mapping } from '../event-source/mapping.ts'
import { mappingSettings } from '../event-source/settings.ts'
import type { MappingSettings } from '../event-source/settings.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { functionName } from './deployment.ts'
import type { StackIdentity } from './identity.ts'
import type { MappingControl } from './lambda/mappings-http.ts'
import { openStreamLog } from './stream-log.ts'

/** Name of the log stream in which a mapping speaks, beside those of its function. */
const STREAM = 'event-source-mapping'

export interface MappingsOptions {
  readonly identity: StackIdentity
  /** Folder of the functions' log streams. */
  readonly logs: string
}

/** What mappings need to run. */
export interface Flow {
  readonly kafka: KafkaConnection
  readonly invoke: Invoke
}

export interface Mappings extends MappingControl {
  /** Makes one for each pipeline. Resolves once every one is a member of its group. Throws WEIR_MAPPING_INVALID, or why one may not join. */
  start(pipelines: readonly Pipeline[], flow: Flow): Promise<void>
  /** The pipeline's mapping with its settings of now: ends the old one as `stop` does; one that is disabled stays so. */
  replace(pipeline: Pipeline, flow: Flow): Promise<void>
  /** Waits for invocations in flight, commits, leaves the groups. */
  stop(): Promise<void>
}

interface Entry {
  readonly mapping: Mapping
  readonly lastModified: number
}

export function createMappings({ identity, logs }: MappingsOptions): Mappings {
  const entries = new Map<string, Entry>()
  const make = (settings: MappingSettings, { kafka, invoke }: Flow): Mapping => {
    const log = logOf(settings.functionName, logs)
    const mapping = createMapping({ settings, connection: kafka, invoke, ...systemPorts, log })
    entries.set(mapping.settings.uuid, { mapping, lastModified: Date.now() })
    return mapping
  }
  return {
    list: () =>
      [...entries.values()].map(({ mapping, lastModified }) => ({
        settings: mapping.settings,
        state: mapping.state(),
        lastProcessingResult: mapping.lastProcessingResult(),
        lastModified,
      })),
    switch: (uuid, enabled) => {
      const { mapping } = entries.get(uuid)!
      entries.set(uuid, { mapping, lastModified: Date.now() })
      const log = logOf(mapping.settings.functionName, logs)
      log('INFO', enabled ? 'Event source mapping is being enabled' : 'Event source mapping is being disabled', {
        uuid,
      })
      const switching = enabled ? mapping.start() : mapping.stop()
      switching.then(
        () => log('INFO', `Event source mapping is ${enabled ? 'enabled' : 'disabled'}`),
        (error: unknown) => log('ERROR', 'Event source mapping could not be switched', { reason: messageOf(error) }),
      )
    },
    start: async (pipelines, flow) => {
      await Promise.all(pipelines.map((pipeline) => make(settingsOf(pipeline, identity), flow).start()))
    },
    replace: async (pipeline, flow) => {
      // First what can be refused: the old one is to be there then.
      const settings = settingsOf(pipeline, identity)
      const old = entries.get(settings.uuid)?.mapping
      const disabled = old?.state() === 'Disabled' || old?.state() === 'Disabling'
      await old?.stop()
      const mapping = make(settings, flow)
      if (!disabled) await mapping.start()
    },
    stop: async () => {
      await Promise.all([...entries.values()].map(({ mapping }) => mapping.stop()))
    },
  }
}

function settingsOf(pipeline: Pipeline, identity: StackIdentity): MappingSettings {
  return mappingSettings({
    uuid: identity.mappings[pipeline.name]!,
    functionName: functionName(pipeline),
    topics: [pipeline.source.topic],
    consumerGroupId: identity.groups[pipeline.name]!,
    batchSize: pipeline.source.batch.records,
    windowSeconds: pipeline.source.batch.windowSeconds,
    eventSourceArn: identity.clusterArn,
    functionTimeoutSeconds: pipeline.function.timeoutSeconds,
  })
}

function logOf(name: string, logs: string) {
  return openStreamLog({ logs, function: name, stream: STREAM })
}
