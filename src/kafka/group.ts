/**
 * Membership of a consumer group (classic protocol): join, stay, learn what is assigned, commit.
 *
 * The client is kept on a short leash:
 * - `retries: 0`: with more, a stale commit makes it rejoin and send the commit again with the new generation, which
 *   moves offsets back that another member has moved on.
 * - commits go out by hand with the generation and member they were decided under, so that the broker fences them.
 * - after a failed rejoin the client stops its heartbeats for good, and a coordinator that vanished from the metadata
 *   is never looked up again: both end in `rejoin` with a fresh client that keeps the member id.
 */
import {
  Admin,
  ConnectionPool,
  Consumer,
  FindCoordinatorKeyTypes,
  offsetCommitV8,
  offsetCommitV9,
} from '@platformatic/kafka'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { messageOf } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { clientOptions, kafkaError, RETRY_DELAY_MS } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { newestOf } from './versions.ts'

/** Kafka: group.min.session.timeout.ms is 6 s; so long after its death a member's partitions go to others. */
const SESSION_TIMEOUT_MS = 6000
const HEARTBEAT_MS = 1500
/** Others wait so long for a member that does not come back to the rebalance. */
const REBALANCE_TIMEOUT_MS = 10_000
/** No heartbeat answered for so long: the client is given up for a fresh one. */
const STALLED_MS = 3000
const LEAVE_TIMEOUT_MS = 3000
/** OffsetCommit: the committer does not tell the leader epoch. */
const UNKNOWN_EPOCH = -1

export interface Assignment {
  readonly memberId: string
  readonly generation: number
  /** Ascending. */
  readonly partitions: readonly number[]
}

export interface GroupOptions {
  readonly group: string
  readonly topic: string
  readonly log: Log
  /** Called with each new generation, one after the other. */
  readonly onAssigned: (assignment: Assignment) => void
}

export interface GroupMember {
  /** Resolves with the first assignment. Keeps trying until left, but throws where the brokers refuse it (no right, no login). */
  join(): Promise<void>
  /** Commits under the assignment they were decided under; WEIR_KAFKA when the broker refuses or is away. */
  commit(assignment: Assignment, offsets: ReadonlyMap<number, number>): Promise<void>
  /** Leaves the group, so that others need not wait for the session to end. Never rejects. */
  leave(): Promise<void>
}

export function openGroup(connection: KafkaConnection, options: GroupOptions): GroupMember {
  const { log, group, topic } = options
  const committer = openCommitter(connection, group, topic)
  const left = new AbortController()
  let rejoining: Promise<void> | undefined
  let consumer: Consumer | undefined
  let joined = false

  const open = (memberId: string | null): Consumer => {
    const opened = openConsumer(connection, options, memberId)
    // a client given up may still speak
    const mine = (act: () => void) => () => void (opened === consumer && !left.signal.aborted && act())
    opened.on(
      'consumer:group:join',
      mine(() => announce(opened, options)),
    )
    opened.on(
      'consumer:heartbeat:stalled',
      mine(() => void rejoin('no heartbeat was answered')),
    )
    opened.on(
      'error',
      mine(() => void rejoin('the group could not be joined again')),
    )
    return opened
  }
  const rejoin = (why: string): Promise<void> => {
    rejoining ??= keepJoining(why).finally(() => (rejoining = undefined))
    return rejoining
  }
  const keepJoining = async (why: string) => {
    for (let attempt = 1; !left.signal.aborted; attempt++) {
      const memberId: string | null = consumer?.memberId ?? null
      if (consumer) {
        log('WARN', 'Rejoining the consumer group', { group, why, attempt })
        void giveUp(consumer, log)
      }
      consumer = open(memberId)
      try {
        await consumer.joinGroup({})
        joined = true
        return
      } catch (error) {
        const known = kafkaError(`joining group "${group}"`, error)
        // who was a member goes on: rights may be taken and given back while others rely on what was read
        if (!known.retryable && !joined) {
          left.abort()
          throw known
        }
        why = known.message
        await sleep(RETRY_DELAY_MS)
      }
    }
  }
  return {
    join: () => rejoin('start'),
    commit: (assignment, offsets) => committer.commit(assignment, offsets),
    async leave() {
      left.abort()
      await rejoining
      const closing = Promise.all([committer.close(), consumer ? leave(consumer, log) : Promise.resolve()])
      await Promise.race([closing, sleep(LEAVE_TIMEOUT_MS, undefined, { ref: false })])
    },
  }
}

function openConsumer(connection: KafkaConnection, { group, topic }: GroupOptions, memberId: string | null): Consumer {
  const consumer = new Consumer({
    ...clientOptions(connection, 0),
    groupId: group,
    autocommit: false,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: HEARTBEAT_MS,
    rebalanceTimeout: REBALANCE_TIMEOUT_MS,
    heartbeatStallTimeout: STALLED_MS,
  })
  // without this, before the join, assignments are silently empty
  consumer.topics.trackAll(topic)
  consumer.memberId = memberId
  return consumer
}

function announce(consumer: Consumer, { topic, onAssigned }: GroupOptions): void {
  const partitions = (consumer.assignments ?? []).filter((a) => a.topic === topic).flatMap((a) => a.partitions)
  onAssigned({
    memberId: consumer.memberId ?? '',
    generation: consumer.generationId,
    partitions: partitions.toSorted((a, b) => a - b),
  })
}

/** Both are tried: a coordinator that is away must not keep the sockets open. */
async function leave(consumer: Consumer, log: Log): Promise<void> {
  const steps: (() => Promise<void>)[] = [
    promisify((done: (error: Error | null) => void) => consumer.leaveGroup(true, done)),
    () => consumer.close(true),
  ]
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      // the session times out by itself
      log('DEBUG', 'The group was left without a word', { reason: messageOf(error) })
    }
  }
}

/** Closes the sockets of a client without leaving the group: its successor goes on as the same member. */
async function giveUp(consumer: Consumer, log: Log): Promise<void> {
  // without a member id nothing is sent, but its heartbeats end, which close alone does not do
  consumer.memberId = null
  await leave(consumer, log)
}

/**
 * OffsetCommit by hand, on connections of its own: on the client's a JoinGroup that waits for others would hold it up.
 * Coordinator and address are asked for again after each failure.
 */
function openCommitter(connection: KafkaConnection, group: string, topic: string) {
  const options = clientOptions(connection, 0)
  const admin = new Admin(options)
  const pool = new ConnectionPool(options.clientId, options)
  // 8 is that of Kafka 2.4; the bytes are the same
  const api = newestOf(admin, 'OffsetCommit', [offsetCommitV9.api, offsetCommitV8.api])
  let coordinator: { host: string; port: number } | undefined
  return {
    async commit({ memberId, generation }: Assignment, offsets: ReadonlyMap<number, number>): Promise<void> {
      try {
        coordinator ??= await findCoordinator(admin, group)
        const partitions = [...offsets].map(([partitionIndex, offset]) => ({
          partitionIndex,
          committedOffset: BigInt(offset),
          committedLeaderEpoch: UNKNOWN_EPOCH,
          committedMetadata: '',
        }))
        const broker = await pool.get(coordinator)
        const commit = await api()
        await commit.async(broker, group, generation, memberId, null, [{ name: topic, partitions }])
      } catch (error) {
        coordinator = undefined
        throw kafkaError(`committing offsets of group "${group}"`, error)
      }
    },
    close: async () => void (await Promise.allSettled([pool.close(), admin.close()])),
  }
}

async function findCoordinator(admin: Admin, group: string) {
  const [found] = await admin.findCoordinator({ keyType: FindCoordinatorKeyTypes.GROUP, keys: [group] })
  if (!found) throw new Error('no coordinator')
  return { host: found.host, port: found.port }
}
