import { setTimeout as sleep } from 'node:timers/promises'
import type { SampleMessage } from '../config/define.ts'
import { loadSamples } from '../config/load.ts'
import { WeirError } from '../core/errors.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { openAdmin } from '../kafka/admin.ts'
import { openProducer } from '../kafka/produce.ts'
import type { ProducedRecord } from '../kafka/produce.ts'
import { kafkaOf } from './kafka-target.ts'
import type { Target } from './target.ts'

const POLL_MS = 50
/** A first invocation starts cold, and a failed one is tried again with pauses: long enough to tell slow from stuck. */
const STUCK_MS = 60_000

/** Sends the messages of a samples module to the pipeline's topic; resolves to their number once all are acknowledged. */
export async function sendSamples(target: Target, pipeline: Pipeline, module: string): Promise<number> {
  const samples = await loadSamples(module)
  const records = Array.from(samples(), (message) => recordOf(pipeline.source.topic, message))
  const producer = openProducer(kafkaOf(target))
  try {
    await producer.send(records)
  } finally {
    await producer.close()
  }
  return records.length
}

function recordOf(topic: string, { key, value, headers, partition }: SampleMessage): ProducedRecord {
  return {
    topic,
    partition,
    key: bytesOf(key ?? null),
    value: bytesOf(value),
    headers: headers?.map(([name, header]) => ({ name, value: bytesOf(header)! })),
  }
}

function bytesOf(value: string | Buffer | null): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value) : value
}

export interface WaitOptions {
  readonly target: Target
  readonly signal: AbortSignal
  readonly onProgress: (text: string) => void
  /** Waits for ever: a function may stand at a breakpoint. */
  readonly patient?: boolean
}

/**
 * Resolves once every pipeline's group has committed up to the end that its topic has now. Throws WEIR_STUCK when nothing
 * moves for a minute.
 */
export async function waitUntilProcessed({ target, signal, onProgress, patient = false }: WaitOptions): Promise<void> {
  const admin = openAdmin(kafkaOf(target))
  try {
    for (const { name, topic, consumerGroup } of target.pipelines) {
      const ends = await admin.offsets(topic)
      let before = Infinity
      let movedAt = performance.now()
      for (;;) {
        const committed = await admin.groupOffsets(consumerGroup, topic)
        const lag = ends.reduce(
          (sum, { partition, start, end }) => sum + Math.max(0, end - (committed.get(partition) ?? start)),
          0,
        )
        if (lag === 0) break
        if (lag < before) movedAt = performance.now()
        else if (!patient && performance.now() - movedAt > STUCK_MS)
          throw new WeirError('WEIR_STUCK', { pipeline: name, lag, seconds: STUCK_MS / 1000 })
        before = lag
        onProgress(`waiting for ${name}: ${lag} records to go`)
        await sleep(POLL_MS, undefined, { signal })
      }
    }
  } finally {
    await admin.close()
  }
}
