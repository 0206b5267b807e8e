/** Loads definitions that are bundled in order to be validated, and posts what came of it. */
import { pathToFileURL } from 'node:url'
import { workerData } from 'node:worker_threads'
import { asPipeline } from '../config/load.ts'
import { answerWith } from '../config/thread.ts'
import type { Settlement } from '../core/settled.ts'

interface Loaded {
  readonly pipelines: readonly unknown[]
  readonly settlements: readonly Settlement[]
}

const { file, modulePaths } = workerData as { readonly file: string; readonly modulePaths: readonly string[] }

await answerWith(async () => {
  const { pipelines, settlements } = (await import(pathToFileURL(file).href)) as Loaded
  pipelines.forEach((each, i) => asPipeline(each, modulePaths[i]!))
  return settlements
})
