/** A pipeline of sinks that only write down what is asked of them: for tests of the engine. */
import { memory, memoryStore } from '../../src/sinks/memory.ts'
import type { PreparedBatch, SinkDefinition, SinkRange, SinkWriter } from '../../src/sinks/sink.ts'
import type { DeadLetter } from '../../src/core/dead-letter.ts'
import { json } from '../../src/core/decode/json.ts'
import { deliver } from '../../src/core/deliver.ts'
import { WeirError } from '../../src/core/errors.ts'
import type { PoisonedRange } from '../../src/core/flood.ts'
import { pipeline } from '../../src/core/pipeline.ts'
import type { PipelineSpec } from '../../src/core/pipeline.ts'
import type { Log } from '../../src/core/ports.ts'
import type { ReplayAnswer } from '../../src/core/replay.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

export function eventOf(values: Readonly<Record<number, readonly string[]>>, topic = 'quakes') {
  const records = Object.entries(values).map(([partition, list]) => [
    `${topic}-${partition}`,
    list.map((value, offset) => ({
      topic,
      partition: Number(partition),
      offset,
      timestamp: 1,
      timestampType: 'CREATE_TIME',
      value: base64(value),
      headers: [],
    })),
  ])
  return { eventSource: 'aws:kafka', eventSourceArn: 'arn', records: Object.fromEntries(records) as unknown }
}

/** A world of named sinks that write down, in order, what is asked of them. */
export function world(
  spec: Partial<PipelineSpec<unknown, unknown>> & {
    readonly ids?: readonly string[]
    readonly flood?: WeirError
    readonly answer?: ReplayAnswer
  } = {},
) {
  const { ids = ['a', 'b'], flood, answer = 'forged', ...rest } = spec
  const poisoned: PoisonedRange[] = []
  const steps: string[] = []
  const logged: Parameters<Log>[] = []
  const letters: DeadLetter[] = []
  const writers = new Map<string, SinkWriter | WeirError>()
  const store = memoryStore()
  const sinks: SinkDefinition[] = ids.map((id) => memory({ id, store }))
  const seen: Record<string, readonly SinkRange[]> = {}
  const writer = (id: string, changes: Partial<PreparedBatch> = {}): SinkWriter => ({
    prepare: (ranges) => {
      steps.push(`prepare ${id}`)
      seen[id] = ranges
      return {
        refusals: [],
        write: () => {
          steps.push(`write ${id}`)
          return Promise.resolve({ ranges: [] })
        },
        ...changes,
      }
    },
    close: () => Promise.resolve(),
  })
  for (const id of ids) writers.set(id, writer(id))
  const definition = pipeline({ name: 'p', source: { topic: 'quakes' }, decode: json(), sinks, ...rest })
  const run = (event: unknown, putDeadLetters?: (put: readonly DeadLetter[]) => Promise<void>) =>
    deliver({
      pipeline: definition,
      event,
      writers,
      clock: { now: () => 0 },
      floodGate: {
        admit: (ranges) => {
          steps.push('flood gate')
          poisoned.push(...ranges)
          return flood ? Promise.reject(flood) : Promise.resolve()
        },
      },
      replays: { take: (copies) => Promise.resolve(copies.map(() => answer)) },
      requestId: 'r',
      deadline: { remaining: () => 1_000, signal: new AbortController().signal },
      log: (...line) => void logged.push(line),
      putDeadLetters:
        putDeadLetters ??
        ((put) => {
          steps.push('dead letters')
          letters.push(...put)
          return Promise.resolve()
        }),
    })
  return { steps, letters, writers, writer, seen, logged, poisoned, run }
}
