export { CLUSTER, contractRow, deliverTo, invocation, range, sourceRecord, span, TOPIC } from './contract-world.ts'
export type { ContractRow, RecordOptions, SinkHarness, SinkWorld, TestInvocation } from './contract-world.ts'
export { sinkContract } from './sink-contract.ts'
export type { ContractCase } from './sink-contract.ts'
