/**
 * Loads a pipeline module in a thread of its own and posts what of it is data. A module that was imported once stays as it
 * was: what it has become, only a fresh thread can tell.
 */
import { workerData } from 'node:worker_threads'
import { loadPipeline } from '../config/load.ts'
import { answerWith } from '../config/thread.ts'
import { dataOf } from './definition.ts'

await answerWith(async () => dataOf(await loadPipeline((workerData as { readonly module: string }).module)))
