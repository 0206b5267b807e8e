/** Produces at a steady rate into a running stack, and says what came of it. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import { audit } from '../../src/operations/audit/index.ts'
import { kafkaOf } from '../../src/operations/kafka-target.ts'
import { readLogs } from '../../src/operations/logs.ts'
import { waitUntilProcessed } from '../../src/operations/samples.ts'
import type { Target } from '../../src/operations/target.ts'
import pipeline from './pipeline.ts'
import { watchAll, type Watcher } from './watch.ts'

const TICK_MS = 100
/** Bytes of a value, about. */
const VALUE_BYTES = 200
/** The first invocations start cold: their samples do not count. */
const WARM_UP_MS = 3000
const VISIBLE_MS = 30_000

export interface Measured {
  readonly seconds: number
  readonly rate: number
  readonly produced: number
  /** Acknowledged a second, while the load lasted. */
  readonly producedPerSecond: number
  /** From the first send until the mapping had nothing left. */
  readonly deliveredPerSecond: number
  readonly lagAtEnd: number
  readonly drainedMs: number
  readonly invocations: number
  readonly functionPeakMb: number
  readonly stackPeakMb: number
  readonly latencies: readonly Latency[]
  readonly audit: readonly (Readonly<Record<'missing' | 'duplicated' | 'different' | 'stored', number>> & {
    readonly sink: string
  })[]
  readonly ok: boolean
}

export interface Latency {
  readonly store: string
  readonly pollMs: number
  readonly samples: number
  readonly p50: number
  readonly p99: number
}

export async function measure(target: Target, seconds: number, rate: number): Promise<Measured> {
  const watchers = await watchAll(target)
  const start = performance.now()
  const produced = await produce(target, watchers, seconds, rate)
  const producedIn = performance.now() - start
  const lagAtEnd = await lag(target)
  const signal = new AbortController().signal
  await waitUntilProcessed({ target, signal, onProgress: () => undefined })
  const deliveredIn = performance.now() - start
  const until = performance.now() + VISIBLE_MS
  while (watchers.some((watcher) => watcher.pending() > 0) && performance.now() < until) await sleep(TICK_MS)
  await Promise.all(watchers.map((watcher) => watcher.stop()))
  const report = await audit({ target, pipeline })
  return {
    seconds,
    rate,
    produced,
    producedPerSecond: Math.round(produced / (producedIn / 1000)),
    deliveredPerSecond: Math.round(produced / (deliveredIn / 1000)),
    lagAtEnd,
    drainedMs: Math.round(deliveredIn - producedIn),
    ...(await invocationsOf(target)),
    stackPeakMb: peakMb(target.pid),
    latencies: watchers.map(latencyOf),
    audit: Object.entries(report.sinks).map(([sink, { stored, missing, duplicated, different }]) => ({
      sink,
      stored,
      missing,
      duplicated,
      different,
    })),
    ok: report.ok && report.produced === produced && watchers.every((watcher) => watcher.pending() === 0),
  }
}

/** A tick that is late is made up for, so that the rate holds over the whole. */
async function produce(target: Target, watchers: readonly Watcher[], seconds: number, rate: number): Promise<number> {
  const producer = openProducer(kafkaOf(target))
  const eachTick = Math.round((rate * TICK_MS) / 1000)
  const ticks = Math.round((seconds * 1000) / TICK_MS)
  const start = performance.now()
  try {
    for (let tick = 0; tick < ticks; tick++) {
      await sleep(Math.max(0, start + tick * TICK_MS - performance.now()))
      const records = Array.from({ length: eachTick }, (_, i) => recordAt(tick * eachTick + i))
      if (tick * TICK_MS >= WARM_UP_MS) for (const watcher of watchers) watcher.expect(idOf(tick * eachTick))
      await producer.send(records)
    }
    await sleep(Math.max(0, start + ticks * TICK_MS - performance.now()))
  } finally {
    await producer.close()
  }
  return ticks * eachTick
}

function idOf(n: number): string {
  return `record-${n}`
}

function recordAt(n: number) {
  const value = { id: idOf(n), n, note: '' }
  const note = 'x'.repeat(VALUE_BYTES - JSON.stringify(value).length)
  return {
    topic: pipeline.source.topic,
    key: Buffer.from(idOf(n)),
    value: Buffer.from(JSON.stringify({ ...value, note })),
  }
}

async function lag(target: Target): Promise<number> {
  const admin = openAdmin(kafkaOf(target))
  const { topic, consumerGroup } = target.pipelines[0]!
  const committed = await admin.groupOffsets(consumerGroup, topic)
  const ends = await admin.offsets(topic)
  await admin.close()
  return ends.reduce((sum, { partition, start, end }) => sum + end - (committed.get(partition) ?? start), 0)
}

/** From the REPORT lines, as Lambda writes them. */
async function invocationsOf({ logs, pipelines }: Target) {
  let invocations = 0
  let functionPeakMb = 0
  for await (const { message } of readLogs({ folder: logs, functions: [pipelines[0]!.function] })) {
    if (!message.startsWith('REPORT ')) continue
    invocations++
    functionPeakMb = Math.max(functionPeakMb, Number(/Max Memory Used: (\d+) MB/.exec(message)?.[1] ?? 0))
  }
  return { invocations, functionPeakMb }
}

/** proc(5): VmHWM, in KiB; 0 where the platform does not tell. */
function peakMb(pid: number): number {
  if (process.platform !== 'linux') return 0
  return Math.ceil(Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
}

function latencyOf({ store, pollMs, latencies }: Watcher): Latency {
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return { store, pollMs, samples: sorted.length, p50: at(0.5), p99: at(0.99) }
}
