/**
 * The event source mappings of the Lambda API, as far as looking and changing: List, Get, and Update of `Enabled`,
 * `BatchSize` and `MaximumBatchingWindowInSeconds` (E29).
 * Source: AWS Lambda API reference, ListEventSourceMappings, GetEventSourceMapping, UpdateEventSourceMapping.
 */
import type { MappingState } from '../../event-source/mapping.ts'
import { messageOf } from '../../core/errors.ts'
import type { Batching, MappingSettings } from '../../event-source/settings.ts'
import { functionArn, mappingArn } from '../identity.ts'
import { refusals } from './answers.ts'
import type { Refusal } from './answers.ts'
import { functionNameOf } from './request.ts'

/** One mapping as it is now. */
export interface MappingView {
  readonly settings: MappingSettings
  readonly state: MappingState
  readonly lastProcessingResult: string
  /** Of its settings or of Enabled; milliseconds since the epoch. */
  readonly lastModified: number
}

/** What is left out stays as it is. */
export interface MappingChange extends Batching {
  readonly enabled?: boolean | undefined
}

export interface MappingControl {
  /** In the order in which they were made. */
  list(): readonly MappingView[]
  /**
   * Begins to change a mapping that is neither being enabled nor disabled; how far it is, its state tells. Throws
   * WEIR_MAPPING_INVALID, and then nothing changes.
   */
  change(uuid: string, change: MappingChange): void
}

/** Where there are no mappings. */
export const noMappings: MappingControl = { list: () => [], change: () => undefined }

export type MappingsAnswer = { readonly status: 200 | 202; readonly body: unknown } | Refusal

const PATH = /^\/2015-03-31\/event-source-mappings(?:\/([^/?]*))?\/?(?:\?(.*))?$/
/** MaxItems of ListEventSourceMappings: "Lambda returns a maximum of 100 items in each response". */
const MAX_ITEMS = 100

/** Undefined where the request is none of these. `body` is asked for by Update only. */
export function answerMappings(
  control: MappingControl,
  method: string | undefined,
  url: string,
  body: () => Promise<string>,
): Promise<MappingsAnswer> | undefined {
  const match = PATH.exec(url)
  if (!match) return undefined
  const [, uuid = '', query = ''] = match
  if (method === 'GET') return Promise.resolve(uuid === '' ? list(control, query) : get(control, uuid))
  return method === 'PUT' && uuid !== '' ? update(control, uuid, body) : undefined
}

function list(control: MappingControl, query: string): MappingsAnswer {
  const parameters = new URLSearchParams(query)
  const name = parameters.get('FunctionName')
  const source = parameters.get('EventSourceArn')
  const wanted = control.list().filter(({ settings }) => {
    if (name !== null && functionNameOf(name) !== settings.functionName) return false
    return source === null || source === settings.eventSourceArn
  })
  const [from, most] = [countOf(parameters.get('Marker'), 0), countOf(parameters.get('MaxItems'), MAX_ITEMS)]
  if (from === undefined) return refusals.parameter('Invalid Marker')
  if (most === undefined || most < 1) return refusals.parameter('MaxItems is a whole number, 1 to 10000')
  const to = from + Math.min(most, MAX_ITEMS)
  const next = to < wanted.length ? { NextMarker: String(to) } : {}
  return { status: 200, body: { EventSourceMappings: wanted.slice(from, to).map(configuration), ...next } }
}

function countOf(text: string | null, fallback: number): number | undefined {
  if (text === null) return fallback
  return /^\d{1,5}$/.test(text) ? Number(text) : undefined
}

function get(control: MappingControl, uuid: string): MappingsAnswer {
  const found = find(control, uuid)
  return found ? { status: 200, body: configuration(found) } : refusals.noMapping()
}

async function update(control: MappingControl, uuid: string, body: () => Promise<string>): Promise<MappingsAnswer> {
  const found = find(control, uuid)
  const text = await body()
  if (!found) return refusals.noMapping()
  const change = changeOf(text)
  if ('type' in change) return change
  if (found.state === 'Enabling' || found.state === 'Disabling') return refusals.mappingInUse()
  if (changes(found, change)) {
    try {
      control.change(uuid, change)
    } catch (error) {
      return refusals.parameter(messageOf(error))
    }
  }
  return { status: 202, body: configuration(find(control, uuid)!) }
}

function changes({ settings, state }: MappingView, { enabled, batchSize, windowSeconds }: MappingChange): boolean {
  if (enabled !== undefined && enabled !== (state === 'Enabled')) return true
  if (batchSize !== undefined && batchSize !== settings.batchSize) return true
  return windowSeconds !== undefined && windowSeconds * 1000 !== settings.windowMs
}

function find(control: MappingControl, uuid: string): MappingView | undefined {
  return control.list().find(({ settings }) => settings.uuid === uuid)
}

/** What an Update asks for. */
function changeOf(text: string): MappingChange | Refusal {
  let request: unknown
  try {
    request = text === '' ? {} : JSON.parse(text)
  } catch (error) {
    return refusals.notJson(String(error))
  }
  if (typeof request !== 'object' || request === null) return refusals.notJson('it is no object')
  const {
    Enabled: enabled,
    BatchSize: batchSize,
    MaximumBatchingWindowInSeconds: windowSeconds,
    ...others
  } = request as {
    readonly Enabled?: unknown
    readonly BatchSize?: unknown
    readonly MaximumBatchingWindowInSeconds?: unknown
  }
  const [other] = Object.keys(others)
  if (other !== undefined)
    return refusals.parameter(
      `The sandbox changes Enabled, BatchSize and MaximumBatchingWindowInSeconds only, not ${other}: that is in the definition of the pipeline`,
    )
  if (enabled !== undefined && typeof enabled !== 'boolean') return refusals.parameter('Enabled is true or false')
  if (!isNumber(batchSize)) return refusals.parameter('BatchSize is a whole number')
  if (!isNumber(windowSeconds)) return refusals.parameter('MaximumBatchingWindowInSeconds is a whole number')
  return { enabled, batchSize, windowSeconds }
}

function isNumber(value: unknown): value is number | undefined {
  return value === undefined || typeof value === 'number'
}

/** EventSourceMappingConfiguration. A time is a number of seconds since the epoch. */
function configuration({ settings, state, lastProcessingResult, lastModified }: MappingView): Record<string, unknown> {
  return {
    UUID: settings.uuid,
    EventSourceMappingArn: mappingArn(settings.uuid),
    StartingPosition: settings.startingPosition,
    ...(settings.timestamp === undefined ? {} : { StartingPositionTimestamp: settings.timestamp / 1000 }),
    BatchSize: settings.batchSize,
    // 500 ms, which is where no window was asked for, is no whole number of seconds.
    ...(settings.windowMs % 1000 === 0 ? { MaximumBatchingWindowInSeconds: settings.windowMs / 1000 } : {}),
    ...(settings.eventSourceArn === undefined ? {} : { EventSourceArn: settings.eventSourceArn }),
    FunctionArn: functionArn(settings.functionName),
    LastModified: Math.floor(lastModified / 1000),
    LastProcessingResult: lastProcessingResult,
    State: state,
    StateTransitionReason: 'USER_INITIATED',
    Topics: [settings.topic],
    [settings.eventSourceArn === undefined
      ? 'SelfManagedKafkaEventSourceConfig'
      : 'AmazonManagedKafkaEventSourceConfig']: { ConsumerGroupId: settings.consumerGroupId },
  }
}
