/**
 * Loads a pipeline module in a thread of its own and posts what of it is data. A module that was imported once stays as it
 * was: what it has become, only a fresh thread can tell.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { loadPipeline } from '../config/load.ts'
import { messageOf, WeirError } from '../core/errors.ts'
import { dataOf } from './definition.ts'
import type { DefinitionAnswer } from './definition.ts'

async function answer(): Promise<DefinitionAnswer> {
  try {
    return { data: dataOf(await loadPipeline((workerData as { readonly module: string }).module)) }
  } catch (error) {
    if (error instanceof WeirError) return { code: error.code, details: error.details }
    return { code: 'WEIR_UNEXPECTED', details: { reason: messageOf(error) } }
  }
}

parentPort!.postMessage(await answer(), [])
