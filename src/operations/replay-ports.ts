/** Replaying on the servers of a target: its dead letters, its brokers. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClients } from '../aws/index.ts'
import { WeirError } from '../core/errors.ts'
import { openAdmin } from '../kafka/admin.ts'
import type { KafkaAdmin } from '../kafka/admin.ts'
import { openProducer } from '../kafka/produce.ts'
import { readPartition } from '../kafka/read.ts'
import type { DeadLetterSummary } from '../sinks/dead-letters/index.ts'
import { openDeadLetters } from '../sinks/dead-letters/store.ts'
import { awsEnvironmentOf } from './dead-letters.ts'
import { kafkaOf } from './kafka-target.ts'
import { patience } from './patience.ts'
import { replayLetters } from './replay.ts'
import type { ReplayOutcome, ReplayPorts } from './replay.ts'
import type { Target } from './target.ts'

/** For one request. */
const PATIENCE_MS = 30_000
const POLL_MS = 250
/** A letter outlives its record in the topic by this: the record is told from a forged one by it. */
const MARGIN_MS = 30 * 24 * 3_600_000

/**
 * Replays letters of any pipelines and topics, for at most `waitMs` after the last was sent. Throws WEIR_COMPACTED before
 * anything is sent; WEIR_KAFKA, WEIR_STORE_UNAVAILABLE, WEIR_STORE_MISCONFIGURED, and then the same again goes on.
 */
export async function replayOn(
  target: Target,
  letters: readonly DeadLetterSummary[],
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<ReplayOutcome[]> {
  const admin = openAdmin(kafkaOf(target))
  const producer = openProducer(kafkaOf(target))
  const clients = createClients(awsEnvironmentOf(target))
  const store = openDeadLetters({ ...target.deadLetters, clients })
  const ports: ReplayPorts = {
    get: (id) => store.get(id, patience(PATIENCE_MS, signal)),
    change: (letter, change) => store.change(letter, change, patience(PATIENCE_MS, signal)),
    ends: async (topic) => new Map((await admin.offsets(topic)).map(({ partition, end }) => [partition, end])),
    send: (records) => producer.send(records),
    async *read(topic, partition, from) {
      const to = (await admin.offsets(topic))[partition]?.end ?? 0
      yield* readPartition(kafkaOf(target), { topic, partition, from, to, isolation: 'read_uncommitted', signal })
      signal.throwIfAborted()
    },
    committed: (pipeline, topic) => admin.groupOffsets(groupOf(target, pipeline), topic),
    expires: (topic) => expiryOf(admin, topic),
    pause: () => sleep(POLL_MS, undefined, { signal }),
  }
  try {
    for (const topic of new Set(letters.map((each) => each.topic))) await refuseCompacted(admin, topic)
    const groups = Map.groupBy(letters, ({ pipeline, topic }) => `${pipeline} ${topic}`)
    const outcomes: ReplayOutcome[] = []
    for (const group of groups.values()) {
      const until = performance.now() + waitMs
      outcomes.push(...(await replayLetters(ports, group, () => performance.now() > until)))
    }
    return outcomes
  } finally {
    await Promise.allSettled([producer.close(), admin.close()])
    clients.close()
  }
}

/** When letters of a topic that are done with may go; undefined where nothing says how long the topic keeps records. */
export async function expiryOf(admin: Pick<KafkaAdmin, 'describeTopic'>, topic: string): Promise<number | undefined> {
  const { configs } = await admin.describeTopic(topic)
  const retention = Number(configs?.['retention.ms'] ?? -1)
  if (!(retention >= 0) || isCompacted(configs)) return undefined
  return Math.ceil((Date.now() + retention + MARGIN_MS) / 1000)
}

/** A copy of an old record would be the newest of its key there, and compaction would drop what is newer. */
async function refuseCompacted(admin: KafkaAdmin, topic: string): Promise<void> {
  const { configs } = await admin.describeTopic(topic)
  if (isCompacted(configs)) throw new WeirError('WEIR_COMPACTED', { topic })
}

function isCompacted(configs: Readonly<Record<string, string>> | null): boolean {
  return configs?.['cleanup.policy']?.includes('compact') === true
}

function groupOf({ pipelines }: Target, name: string): string {
  return pipelines.find((pipeline) => pipeline.name === name)!.consumerGroup
}
