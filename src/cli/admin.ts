import type { KafkaAdmin } from '../kafka/admin.ts'
import { openAdmin } from '../kafka/admin.ts'
import { kafkaOf } from '../operations/kafka-target.ts'
import type { Target } from '../operations/target.ts'
import type { Io } from './io.ts'
import { openTarget } from './target.ts'

/** Does something with the brokers of the running stack, named while it lasts. */
export async function withAdmin(
  io: Io,
  step: string,
  work: (admin: KafkaAdmin, target: Target) => Promise<void>,
): Promise<void> {
  const target = await openTarget(io)
  const admin = openAdmin(kafkaOf(target))
  io.progress(step)
  try {
    await work(admin, target)
  } finally {
    await admin.close()
  }
}
