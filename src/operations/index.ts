export type { OperationAnswer } from '../core/operations.ts'
export { createOperations } from './function.ts'
export type { OperationsHandler } from './function.ts'
