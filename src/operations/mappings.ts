/** Event source mappings of a target, seen and switched through the Lambda API. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.ts'
import { callLambda } from './lambda-api.ts'

/** What of an EventSourceMappingConfiguration is of use here. */
export interface MappingStatus {
  readonly uuid: string
  /** Enabled, Disabled, or on the way: Enabling, Disabling. */
  readonly state: string
  /** "No records processed", "OK", "PROBLEM: ...". */
  readonly lastProcessingResult: string
}

export interface MappingTarget {
  /** http://host:port */
  readonly endpoint: string
  readonly uuid: string
  readonly signal: AbortSignal
}

const POLL_MS = 50
/** A mapping being disabled waits up to 10 s for what is in flight. One that is enabled joins its group. */
const SWITCH_MS = 60_000

/** Throws WEIR_REQUEST_FAILED. */
export async function mappingStatus({ endpoint, uuid, signal }: MappingTarget): Promise<MappingStatus> {
  const call = { endpoint, operation: 'GetEventSourceMapping', method: 'GET', path: pathOf(uuid), signal } as const
  return statusOf((await callLambda(call)).body)
}

/**
 * Enables or disables a mapping and waits until it is. False where it was so before.
 * Throws WEIR_REQUEST_FAILED, WEIR_MAPPING_SLOW.
 */
export async function switchMapping(target: MappingTarget, enabled: boolean): Promise<boolean> {
  const wanted = enabled ? 'Enabled' : 'Disabled'
  // One that is on its way is not to be touched (ResourceInUseException).
  const before = await until(target, wanted, ({ state }) => state === 'Enabled' || state === 'Disabled')
  if (before.state === wanted) return false
  await callLambda({
    endpoint: target.endpoint,
    operation: 'UpdateEventSourceMapping',
    method: 'PUT',
    path: pathOf(target.uuid),
    body: JSON.stringify({ Enabled: enabled }),
    signal: target.signal,
  })
  await until(target, wanted, ({ state }) => state === wanted)
  return true
}

async function until(
  target: MappingTarget,
  wanted: string,
  done: (status: MappingStatus) => boolean,
): Promise<MappingStatus> {
  const end = performance.now() + SWITCH_MS
  for (;;) {
    const status = await mappingStatus(target)
    if (done(status)) return status
    if (performance.now() > end)
      throw new WeirError('WEIR_MAPPING_SLOW', { state: status.state, wanted, seconds: SWITCH_MS / 1000 })
    await sleep(POLL_MS, undefined, { signal: target.signal })
  }
}

function pathOf(uuid: string): string {
  return `/2015-03-31/event-source-mappings/${encodeURIComponent(uuid)}`
}

function statusOf(body: string): MappingStatus {
  const { UUID, State, LastProcessingResult } = JSON.parse(body) as Readonly<Record<string, string | undefined>>
  return { uuid: UUID ?? '', state: State ?? '', lastProcessingResult: LastProcessingResult ?? '' }
}
