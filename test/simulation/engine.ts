/** The shipped engine with one sink, fed with records of the model's log. Its clock stands still, waits take no time. */
import type { ClientPorts } from '../../src/aws/client.ts'
import { json } from '../../src/core/decode/json.ts'
import { deliver } from '../../src/core/deliver.ts'
import type { FloodGate } from '../../src/core/flood-gate.ts'
import { pipeline } from '../../src/core/pipeline.ts'
import type { Deadline } from '../../src/core/ports.ts'
import type { ReplayDesk } from '../../src/core/replay.ts'
import { REPLAY_HEADER } from '../../src/core/replay.ts'
import type { Invocation, SinkDefinition, SinkWriter } from '../../src/sinks/sink.ts'
import { messageOf, WeirError } from '../../src/core/errors.ts'
import { kafkaEvent } from '../../src/testing/event-builder.ts'
import type { KafkaEvent } from '../../src/testing/event-builder.ts'
import { CLUSTER, TOPIC } from './delivery-types.ts'
import type { Input, LogRecord, Result } from './delivery-types.ts'
import { REFUSED_TEXT } from './dynamo-store.ts'

const deadline: Deadline = { remaining: () => 60_000, signal: new AbortController().signal }
const clock = { now: () => 0, sleep: () => Promise.resolve() }

export const quietPorts: ClientPorts & { readonly deadline: Deadline } = { clock, random: () => 0, deadline }

interface Value {
  readonly id: string
  readonly note?: string
}

/** What a pipeline has besides its sinks. */
export interface Guards {
  readonly floodGate?: FloodGate
  readonly replays?: ReplayDesk
  /** Whether tombstones delete. */
  readonly deletes?: boolean | undefined
  readonly second?: { readonly definition: SinkDefinition; readonly writer: SinkWriter }
}

export type Run = (input: Input, put: Invocation['putDeadLetters'], afterwards?: () => Promise<void>) => Promise<Result>

export function engine(name: string, sink: SinkDefinition, writer: SinkWriter, guards: Guards = {}): Run {
  const { second } = guards
  const writers = new Map([[sink.id, writer], ...(second ? [[second.definition.id, second.writer] as const] : [])])
  let mends = false
  const spec = {
    name,
    source: { topic: TOPIC, cluster: CLUSTER },
    decode: json<Value>(),
    transform: (value: Value) => {
      if (value.note === 'mendable' && !mends) throw new Error('this definition cannot read it')
      if (value.note === 'none') return null
      const isRefused = value.note === REFUSED_TEXT || (value.note === 'misfit' && !mends)
      const keys = value.id.split('')
      return keys.map((id, i) => {
        const isLast = i === keys.length - 1
        return { ...value, id, ...(isLast && isRefused ? { note: REFUSED_TEXT } : isLast ? {} : { note: 'good' }) }
      })
    },
    sinks: [sink, ...(second ? [second.definition] : [])],
  }
  const definition = guards.deletes
    ? pipeline<Value, Value, 'delete'>({ ...spec, tombstone: 'delete', keyOf: ({ key }) => ({ id: key!.toString() }) })
    : pipeline<Value, Value>(spec)
  return async (input, putDeadLetters, afterwards) => {
    mends = input.some(({ mended }) => mended)
    try {
      const report = await deliver({
        pipeline: definition,
        event: eventOf(input),
        writers,
        floodGate: guards.floodGate,
        replays: guards.replays ?? { take: () => Promise.reject(new Error('nothing is replayed here')) },
        clock,
        requestId: 'r',
        deadline,
        log: () => undefined,
        putDeadLetters,
      })
      if (report.failure) throw report.failure
      await afterwards?.()
      return { done: true }
    } catch (error) {
      if (error instanceof WeirError)
        return { failed: error.code === 'WEIR_UNEXPECTED' ? error.message : error.code, retryable: error.retryable }
      return { failed: messageOf(error), retryable: false }
    }
  }
}

export function eventOf(input: Input): KafkaEvent {
  return kafkaEvent({ topic: TOPIC, records: input.map(eventRecord) })
}

const notes = { good: 'good', refused: REFUSED_TEXT, rowless: 'none', undecodable: '' }

/** The bytes of a record do not change with the definition, nor where it is sent again. */
function eventRecord({ source, offset, key, timestamp, kind, copy }: LogRecord) {
  const note = kind in notes ? notes[kind as keyof typeof notes] : kind
  const whole = JSON.stringify({ id: key, note, n: `${source}/${copy?.of ?? offset}` })
  const value = kind === 'tombstone' ? null : kind === 'undecodable' ? '{' : whole
  const headers = copy ? [{ name: REPLAY_HEADER, value: copy.header }] : []
  return { partition: source, offset, timestamp, key, value, headers }
}
