#!/usr/bin/env node
/**
 * The command `weirhouse`, in plain JavaScript for Node.js 18 and newer. In a clone it bootstraps and runs the sources;
 * installed as a package it runs the build, with a newer Node.js from the user's cache where this one is too old.
 */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureNode, handOver, makeFolder, onFolder } from '../scripts/bootstrap.mjs'
import { pathWith, prepareClone, RUNTIME, runMain, runSource } from '../scripts/bootstrap.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const args = process.argv.slice(2)

async function main() {
  if (existsSync(join(root, 'src', 'cli', 'main.ts')))
    return runSource(await prepareClone(root), root, 'src/cli/main.ts', args)
  const node = await ensureNode(userRuntime())
  return handOver(node, [join(root, 'dist', 'cli', 'main.js'), ...args], pathWith(node))
}

/** A package's own folder may be read-only, and is emptied by the next install: the runtime goes to the user's cache. */
function userRuntime() {
  const cache =
    process.env.WEIRHOUSE_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'weirhouse')
  const lockfile = readFileSync(join(RUNTIME, 'package-lock.json'))
  const folder = join(cache, `node-${createHash('sha256').update(lockfile).digest('hex').slice(0, 8)}`)
  if (!existsSync(join(folder, 'package-lock.json'))) {
    makeFolder(folder)
    onFolder(folder, () => {
      // The lockfile last: it says that both are there.
      for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(RUNTIME, file), join(folder, file))
    })
  }
  return { folder, locks: cache }
}

await runMain(main)
