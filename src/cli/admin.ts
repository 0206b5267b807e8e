import type { KafkaAdmin } from '../kafka/admin.ts'
import { openAdmin } from '../kafka/admin.ts'
import type { Target } from '../operations/target.ts'
import type { Io } from './io.ts'
import { openKafka, type KafkaInput } from './kafka.ts'

/** Does something with the brokers that the line names, else those of the running stack; named while it lasts. */
export async function withAdmin(
  io: Io,
  kafka: KafkaInput,
  step: string,
  work: (admin: KafkaAdmin, target: Pick<Target, 'pipelines'>) => Promise<void>,
): Promise<void> {
  const { connection, pipelines } = await openKafka(kafka, io)
  const admin = openAdmin(connection)
  io.progress(step)
  try {
    await work(admin, { pipelines })
  } finally {
    await admin.close()
  }
}
