/** What `keyOf` gave for a tombstone. Only under `tombstone: 'delete'`. */
import type { KeyFields } from '../sinks/sink.ts'
import { manyOf } from './many.ts'
import { isObject } from './object.ts'
import { holdsThenable } from './thenable.ts'

/** Throws where it is neither an object nor many. */
export function keysOf(result: unknown): KeyFields[] {
  const keys = manyOf(result)
  if (holdsThenable(keys)) throw new Error('keyOf gave a promise; only the transform may wait')
  if (!keys.every(isObject)) throw new Error('keyOf gave no object of key columns')
  return keys
}
