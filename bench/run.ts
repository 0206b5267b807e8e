/**
 * Measures, and writes docs/performance.md anew.
 *
 *   npm run bench [-- handler|profile|end-to-end|steady|aws-client|bundle|all ...] [--quick]
 *
 * Without a name: all. Raw numbers go to bench/results, one file a part; with --quick they are printed only.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { performancePage } from './page/page.ts'
import { parts } from './parts.ts'
import type { PartName } from './parts.ts'
import { measured, readResults, writeResult } from './results.ts'

const root = join(import.meta.dirname, '..')
const words = process.argv.slice(2)
const quick = words.includes('--quick')
const named = words.filter((word) => word !== '--quick')
const all = Object.keys(parts) as PartName[]
const wrong = named.filter((word) => word !== 'all' && !Object.hasOwn(parts, word))
if (wrong.length > 0) {
  console.error(`There is no part "${wrong.join('", "')}". Give one of: ${all.join(', ')}, all; and --quick.`)
  process.exit(2)
}
const chosen = named.length === 0 || named.includes('all') ? all : (named as PartName[])

for (const name of chosen) {
  console.log(`# ${name}`)
  const started = performance.now()
  const run = () => parts[name]({ quick, progress: (line) => console.log(line) })
  const measurement = await measured<unknown>(root, name, run)
  console.log(`# ${name}: ${Math.round((performance.now() - started) / 1000)} s, load ${measurement.load.join(' to ')}`)
  if (quick) {
    console.log(JSON.stringify(measurement.result))
    continue
  }
  writeResult(root, measurement)
  writeFileSync(join(root, 'docs/performance.md'), performancePage(root, readResults(root)))
}
