/**
 * For tests of your own: Kafka events as Lambda sends them, the contract suite for a sink, a ledger in memory, and the
 * explorer of interleavings. Nothing here reaches a network.
 */
export { CLUSTER, contractRow, deliverTo, invocation, range, sourceRecord, span, TOPIC } from './contract-world.ts'
export type {
  ContractRow,
  RecordOptions,
  SinkHarness,
  SinkWorld,
  TestInvocation,
  WorldChoice,
} from './contract-world.ts'
export { kafkaEvent } from './event-builder.ts'
export type { EventOptions, EventRecord, KafkaEvent, KafkaEventRecord } from './event-builder.ts'
export { explore } from './explorer/explore.ts'
export type { Exploration, Model, Parts, Step, Violation } from './explorer/explore.ts'
export { memoryLedger } from './memory-ledger.ts'
export type { MemoryLedger } from './memory-ledger.ts'
export { sinkContract } from './sink-contract.ts'
export type { ContractCase } from './sink-contract.ts'
