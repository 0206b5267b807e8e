/** The files that a function's process starts from, besides its own code. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'

export interface RuntimeFiles {
  /** Loaded first: preload.ts as JavaScript. */
  readonly preload: string
  /** AWS's runtime client. */
  readonly client: string
}

/**
 * Writes the preload into `folder`. Unbuilt it is TypeScript, whose types each process would strip anew, at the price of
 * 20 ms and 17 MB that a function does not have on AWS.
 */
export function writeRuntimeFiles(folder: string): RuntimeFiles {
  const built = !import.meta.url.endsWith('.ts')
  const source = readFileSync(fileURLToPath(new URL(built ? './preload.js' : './preload.ts', import.meta.url)), 'utf8')
  const preload = join(folder, 'preload.mjs')
  writeFileSync(preload, built ? source : transformSync(source, { loader: 'ts', format: 'esm' }).code)
  return { preload, client: createRequire(import.meta.url).resolve('aws-lambda-ric') }
}
