/** What a function weighs, and how long its code takes to load: each time in a process of its own, as at a cold start. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { bundlePipeline } from '../../src/bundle/index.ts'
import { median } from '../statistics.ts'

export interface BundleResult {
  /** Times that each was loaded, in turns. */
  readonly loads: number
  readonly bundles: readonly {
    readonly name: string
    readonly bytes: number
    readonly loadMs: number
    /** From the start of the process until the handler is there. */
    readonly readyMs: number
    /** Packages of others and folders of ours, greatest first: bytes of the bundle. */
    readonly contents: readonly (readonly [name: string, bytes: number])[]
  }[]
}

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url))
const bundles = [
  { name: 'earthquakes', module: path('pipelines/earthquakes.ts') },
  { name: 'demo', module: path('pipelines/demo.ts') },
  { name: 'S3 only', module: path('bench/pipelines/s3.ts') },
]
const SHOWN = 8

/** Prints how long the import took, and how long it was since the process began. */
function script(file: string): string {
  return `const start = performance.now(); await import(${JSON.stringify(pathToFileURL(file).href)}); const end = performance.now(); console.log(JSON.stringify([end - start, end]))`
}

export async function measureBundles(loads: number, progress: (line: string) => void): Promise<BundleResult> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-bench-'))
  try {
    const built = []
    for (const { name, module } of bundles) {
      const outFolder = join(folder, name.replaceAll(' ', '-'))
      built.push({
        name,
        times: [] as [number, number][],
        bundle: await bundlePipeline({ modulePath: module, outFolder, pipelineName: name }),
      })
    }
    for (let load = 0; load < loads; load++)
      for (const { bundle, times } of built) {
        const args = ['--input-type=module', '-e', script(join(bundle.folder, 'index.mjs'))]
        times.push(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as [number, number])
      }
    const result = built.map(({ name, times, bundle }) => ({
      name,
      bytes: bundle.bytes,
      loadMs: Number(median(times.map(([loadMs]) => loadMs)).toFixed(1)),
      readyMs: Number(median(times.map(([, readyMs]) => readyMs)).toFixed(1)),
      contents: contentsOf(bundle.modules),
    }))
    for (const { name, bytes, loadMs } of result) progress(`${name}: ${bytes} bytes, ${loadMs} ms`)
    return { loads, bundles: result }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function contentsOf(modules: Readonly<Record<string, number>>): (readonly [string, number])[] {
  const sums = new Map<string, number>()
  for (const [file, bytes] of Object.entries(modules)) {
    const name =
      /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ??
      /src\/(sinks\/[^/]+|[^/]+)/.exec(file)?.[0] ??
      'the pipeline'
    sums.set(name, (sums.get(name) ?? 0) + bytes)
  }
  return [...sums].sort(([, a], [, b]) => b - a).slice(0, SHOWN)
}
