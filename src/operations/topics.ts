import { WeirError } from '../core/errors.ts'
import type { KafkaAdmin, TopicDescription, TopicSettings } from '../kafka/admin.ts'

export interface CreatedTopic {
  /** False where it was there before, and that was allowed. */
  readonly created: boolean
  readonly topic: TopicDescription
}

/** Creates a topic. Throws WEIR_TOPIC_EXISTS unless `ifNotExists`. */
export async function createTopic(
  admin: KafkaAdmin,
  settings: TopicSettings,
  { ifNotExists }: { readonly ifNotExists: boolean },
): Promise<CreatedTopic> {
  const created = await tryCreate(admin, settings)
  if (!created && !ifNotExists) throw new WeirError('WEIR_TOPIC_EXISTS', { topic: settings.topic })
  return { created, topic: await admin.describeTopic(settings.topic) }
}

async function tryCreate(admin: KafkaAdmin, settings: TopicSettings): Promise<boolean> {
  try {
    await admin.createTopic(settings)
    return true
  } catch (error) {
    if (error instanceof WeirError && error.details.error === 'TOPIC_ALREADY_EXISTS') return false
    throw error
  }
}

/** Deletes a topic with its records. False where there was none and that was allowed; else throws WEIR_UNKNOWN. */
export async function deleteTopic(
  admin: KafkaAdmin,
  topic: string,
  { ifExists }: { readonly ifExists: boolean },
): Promise<boolean> {
  try {
    await admin.findTopic(topic)
  } catch (error) {
    if (ifExists && error instanceof WeirError && error.code === 'WEIR_UNKNOWN') return false
    throw error
  }
  await admin.deleteTopic(topic)
  return true
}
