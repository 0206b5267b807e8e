/** One event source mapping a pipeline, from its topic to its function; the stack's own and the Lambda API's hand on them. */
import { systemPorts } from '../aws/index.ts'
import { messageOf } from '../core/errors.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Invoke } from '../event-source/invoker.ts'
import { createMapping } from '../event-source/mapping.ts'
import type { Mapping } from '../event-source/mapping.ts'
import { mappingSettings, withBatching } from '../event-source/settings.ts'
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
  readonly flow: Flow
  readonly lastModified: number
}

export function createMappings({ identity, logs }: MappingsOptions): Mappings {
  const entries = new Map<string, Entry>()
  const make = (settings: MappingSettings, flow: Flow): Mapping => {
    const { kafka, invoke } = flow
    const log = logOf(settings.functionName, logs)
    const mapping = createMapping({ settings, connection: kafka, invoke, ...systemPorts, log })
    entries.set(mapping.settings.uuid, { mapping, flow, lastModified: Date.now() })
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
    change: (uuid, { enabled, ...batching }) => {
      const { mapping: old, flow } = entries.get(uuid)!
      const was = old.state() === 'Enabled'
      const settings = withBatching(old.settings, batching)
      const log = logOf(settings.functionName, logs)
      const { batchSize, windowMs } = settings
      const isSame = batchSize === old.settings.batchSize && windowMs === old.settings.windowMs
      entries.set(uuid, { mapping: old, flow, lastModified: Date.now() })
      const goal = enabled ?? was
      const doing = goal === was ? 'changed' : goal ? 'enabled' : 'disabled'
      log('INFO', `Event source mapping is being ${doing}`, { uuid, batchSize, windowMs })
      const change = async () => {
        if (was && !(goal && isSame)) await old.stop()
        const mapping = isSame ? old : make(settings, flow)
        if (goal) await mapping.start()
      }
      change().then(
        () => log('INFO', `Event source mapping is ${doing}`),
        (error: unknown) => log('ERROR', 'Event source mapping could not be changed', { reason: messageOf(error) }),
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
