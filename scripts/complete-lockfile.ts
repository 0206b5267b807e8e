/** Run after `npm install`: see lockfile-platforms.ts. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { completed } from './lockfile-platforms.ts'
import type { Lockfile } from './lockfile-platforms.ts'

const file = join(import.meta.dirname, '..', 'package-lock.json')
const lockfile = JSON.parse(readFileSync(file, 'utf8')) as Lockfile
writeFileSync(file, `${JSON.stringify(completed(lockfile), null, 2)}\n`)
