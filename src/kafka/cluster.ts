import { Admin } from '@platformatic/kafka'
import { setTimeout as sleep } from 'node:timers/promises'
import { clientOptions } from './client.ts'
import type { KafkaConnection } from './connection.ts'

const SETTLE_STEP_MS = 25
const SETTLE_STEPS = 400

/** What whoever runs a cluster asks of it. Errors are the client's own: the caller knows what it is waiting for. */
export interface ClusterControl extends AsyncDisposable {
  /** Brokers that are registered and unfenced, told by one of them. */
  brokers(): Promise<number>
  /** Removes every group and every topic; resolves when no broker lists one any more. */
  deleteEverything(): Promise<void>
}

/** Opens a client that tries nothing twice. */
export function openCluster(connection: KafkaConnection): ClusterControl {
  const admin = new Admin(clientOptions(connection, 0))
  return {
    brokers: async () => (await admin.metadata({ topics: [], forceUpdate: true })).brokers.size,
    deleteEverything: async () => {
      const groups = [...(await admin.listGroups({})).keys()]
      if (groups.length > 0) await admin.deleteGroups({ groups })
      const topics = await admin.listTopics({})
      if (topics.length > 0) await admin.deleteTopics({ topics })
      await Promise.all(connection.bootstrap.map((broker) => untilEmpty(broker)))
    },
    [Symbol.asyncDispose]: () => admin.close(),
  }
}

/** A busy broker lists deleted topics until it has read so in the controller's log. */
async function untilEmpty(broker: string): Promise<void> {
  const admin = new Admin(clientOptions({ bootstrap: [broker] }, 0))
  try {
    for (let step = 0; step < SETTLE_STEPS; step++) {
      if ((await admin.listTopics({})).length === 0) return
      await sleep(SETTLE_STEP_MS)
    }
    throw new Error(`${broker} still lists topics that were deleted`)
  } finally {
    await admin.close()
  }
}
