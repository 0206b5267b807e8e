/**
 * The settings of an event source mapping, checked as the Lambda API checks them (E6, E9, E23-E25), in its own words
 * where they are known. On-demand mode.
 */
import { WeirError } from '../core/errors.ts'
import {
  DEFAULT_BATCH_RECORDS,
  DEFAULT_WINDOW_MS,
  MAX_BATCH_RECORDS,
  MAX_KAFKA_FUNCTION_SECONDS,
  MAX_WINDOW_SECONDS,
} from '../core/limits.ts'

const STARTING_POSITIONS = ['TRIM_HORIZON', 'LATEST', 'AT_TIMESTAMP'] as const
export type StartingPosition = (typeof STARTING_POSITIONS)[number]

/** What AWS does not document, as switches: test handlers under both. */
export interface MappingSwitches {
  /** A record without a key: the event's `key` is left out, or null (E2). */
  readonly missingKey: 'absent' | 'null'
  /** Whether records of open and aborted transactions are kept from the function (E27). */
  readonly isolation: 'read_committed' | 'read_uncommitted'
}

/** As given to CreateEventSourceMapping. */
export interface MappingRequest extends Partial<MappingSwitches> {
  readonly uuid: string
  readonly functionName: string
  /** Exactly one. */
  readonly topics: readonly string[]
  /** Records an event holds at most, 1..10,000; default 100. */
  readonly batchSize?: number | undefined
  /** MaximumBatchingWindowInSeconds, whole seconds 0..300; left out: 500 ms, which no number of seconds can say. */
  readonly windowSeconds?: number | undefined
  /** Counts only where the group has no commit (E25); default TRIM_HORIZON. */
  readonly startingPosition?: string | undefined
  /** Milliseconds since the epoch, with AT_TIMESTAMP. */
  readonly startingPositionTimestamp?: number | undefined
  /** Default: the mapping's UUID. Fixed at creation. */
  readonly consumerGroupId?: string | undefined
  /** The cluster's ARN: the event is then `aws:kafka`, without it `SelfManagedKafka` (E1). */
  readonly eventSourceArn?: string | undefined
  /** The function's timeout, for E23. */
  readonly functionTimeoutSeconds?: number | undefined
}

/** Checked and complete. */
export interface MappingSettings extends MappingSwitches {
  readonly uuid: string
  readonly functionName: string
  readonly topic: string
  readonly batchSize: number
  readonly windowMs: number
  readonly startingPosition: StartingPosition
  /** Set with AT_TIMESTAMP. */
  readonly timestamp: number | undefined
  readonly consumerGroupId: string
  readonly eventSourceArn: string | undefined
}

/** Throws WEIR_MAPPING_INVALID with every constraint that fails, as the Lambda API counts them. */
export function mappingSettings(request: MappingRequest): MappingSettings {
  const failures = [
    ...batching(request),
    ...oneTopic(request.topics),
    ...groupId(request.consumerGroupId),
    ...position(request.startingPosition),
  ]
  if (failures.length > 0) refuse(constraintMessage(failures))
  const startingPosition = (request.startingPosition ?? 'TRIM_HORIZON') as StartingPosition
  if (startingPosition === 'AT_TIMESTAMP' && request.startingPositionTimestamp === undefined) {
    refuse('Need to specify a timestamp')
  }
  checkTimeout(request.functionTimeoutSeconds)
  return {
    uuid: request.uuid,
    functionName: request.functionName,
    topic: request.topics[0]!,
    batchSize: request.batchSize ?? DEFAULT_BATCH_RECORDS,
    windowMs: request.windowSeconds === undefined ? DEFAULT_WINDOW_MS : request.windowSeconds * 1000,
    startingPosition,
    timestamp: startingPosition === 'AT_TIMESTAMP' ? request.startingPositionTimestamp : undefined,
    consumerGroupId: request.consumerGroupId ?? request.uuid,
    eventSourceArn: request.eventSourceArn,
    missingKey: request.missingKey ?? 'absent',
    isolation: request.isolation ?? 'read_committed',
  }
}

/** What UpdateEventSourceMapping changes of a mapping that is there; what is left out stays. */
export interface Batching {
  readonly batchSize?: number | undefined
  readonly windowSeconds?: number | undefined
}

/** Throws WEIR_MAPPING_INVALID, as creating it would. */
export function withBatching(settings: MappingSettings, { batchSize, windowSeconds }: Batching): MappingSettings {
  const failures = batching({ batchSize, windowSeconds })
  if (failures.length > 0) refuse(constraintMessage(failures))
  return {
    ...settings,
    batchSize: batchSize ?? settings.batchSize,
    windowMs: windowSeconds === undefined ? settings.windowMs : windowSeconds * 1000,
  }
}

function refuse(reason: string): never {
  throw new WeirError('WEIR_MAPPING_INVALID', { reason })
}

/** "1 validation error detected: Value '0' at 'batchSize' failed to satisfy constraint: Member must ..." */
function constraintMessage(failures: readonly string[]): string {
  return `${failures.length} validation error${failures.length > 1 ? 's' : ''} detected: ${failures.join('; ')}`
}

function failed(value: string, at: string, constraint: string): string {
  return `Value '${value}' at '${at}' failed to satisfy constraint: Member must ${constraint}`
}

function range(at: string, value: number, least: number, most: number): string[] {
  if (!Number.isInteger(value)) return [failed(String(value), at, 'be a whole number')]
  if (value < least) return [failed(String(value), at, `have value greater than or equal to ${least}`)]
  if (value > most) return [failed(String(value), at, `have value less than or equal to ${most}`)]
  return []
}

function batching({ batchSize, windowSeconds }: Batching): string[] {
  return [
    ...(batchSize === undefined ? [] : range('batchSize', batchSize, 1, MAX_BATCH_RECORDS)),
    ...(windowSeconds === undefined
      ? []
      : range('maximumBatchingWindowInSeconds', windowSeconds, 0, MAX_WINDOW_SECONDS)),
  ]
}

function oneTopic(topics: readonly string[]): string[] {
  const shown = `[${topics.join(', ')}]`
  if (topics.length < 1) return [failed(shown, 'topics', 'have length greater than or equal to 1')]
  if (topics.length > 1) return [failed(shown, 'topics', 'have length less than or equal to 1')]
  const [topic] = topics
  // Kafka: legal characters of a topic name, at most 249
  if (/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/.test(topic!)) return []
  return [failed(shown, 'topics', 'satisfy regular expression pattern: ^[^.]([a-zA-Z0-9\\-_.]+)')]
}

const GROUP_PATTERN = '[a-zA-Z0-9-\\/*:_+=.@-]*'
const GROUP_MAX = 200

function groupId(group: string | undefined): string[] {
  const at = 'consumerGroupId'
  if (group === undefined) return []
  const checks: [boolean, string][] = [
    [group.length >= 1, 'have length greater than or equal to 1'],
    [group.length <= GROUP_MAX, `have length less than or equal to ${GROUP_MAX}`],
    [/^[a-zA-Z0-9/*:_+=.@-]*$/.test(group), `satisfy regular expression pattern: ${GROUP_PATTERN}`],
  ]
  return checks.flatMap(([holds, constraint]) => (holds ? [] : [failed(group, at, constraint)]))
}

function position(given: string | undefined): string[] {
  if (given === undefined || STARTING_POSITIONS.some((known) => known === given)) return []
  return [failed(given, 'startingPosition', `satisfy enum value set: [${STARTING_POSITIONS.join(', ')}]`)]
}

/** E23: a function on a Kafka mapping may run 14 minutes at most. AWS's words are not known. */
function checkTimeout(seconds: number | undefined): void {
  if (seconds === undefined || seconds <= MAX_KAFKA_FUNCTION_SECONDS) return
  refuse(
    `The function's timeout of ${seconds} seconds exceeds ${MAX_KAFKA_FUNCTION_SECONDS} seconds (14 minutes), ` +
      'the longest that a function on a Kafka event source mapping may run',
  )
}
