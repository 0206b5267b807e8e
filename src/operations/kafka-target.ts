import type { KafkaConnection } from '../kafka/connection.ts'
import type { Target } from './target.ts'

/** Where a target's brokers are. */
export function kafkaOf({ kafka }: Pick<Target, 'kafka'>): KafkaConnection {
  return { bootstrap: kafka.bootstrap.split(',') }
}
