import { Admin } from '@platformatic/kafka'
import { clientOptions } from './client.ts'
import type { KafkaConnection } from './connection.ts'

/** What whoever runs a cluster asks of it. Errors are the client's own: the caller knows what it is waiting for. */
export interface ClusterControl extends AsyncDisposable {
  /** Brokers that are registered and unfenced, told by one of them. */
  brokers(): Promise<number>
  /** Removes every group and every topic. */
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
    },
    [Symbol.asyncDispose]: () => admin.close(),
  }
}
