/**
 * Writes what docs/ derives from the source: errors.md, faults.md, options/*.md, performance.md (from bench/results), and
 * the tables of tests in delivery.md and event-source.md. `--check` writes nothing and fails where a page is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { generatedPages } from './docs/pages.ts'

const root = join(import.meta.dirname, '..')
const check = process.argv.includes('--check')
const stale: string[] = []

for (const [path, text] of generatedPages(root)) {
  const file = join(root, path)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  stale.push(path)
  if (check) continue
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

for (const path of stale) console.log(check ? `${path} is stale: run npm run docs` : `wrote ${path}`)
if (check && stale.length > 0) process.exitCode = 1
