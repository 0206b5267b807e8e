import { readFileSync } from 'node:fs'
import { WeirError } from '../core/errors.ts'

interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>
}

/**
 * Loads a package that Weirhouse works without, such as `pg` or `@aws-sdk/client-s3`.
 * `load` holds the literal import, so that types and bundlers see it: `optionalModule('pg', 'the local PostgreSQL', () => import('pg'))`.
 * Throws WEIR_MODULE_MISSING with the install command where the package itself is absent; every other error passes through.
 */
export async function optionalModule<Module>(name: string, what: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    if (isMissing(error, name))
      throw new WeirError('WEIR_MODULE_MISSING', { module: name, what, install: installSpec(name) }, { cause: error })
    throw error
  }
}

/** Node says "Cannot find package 'pg' imported from ...", require "Cannot find module 'pg'"; another package missing inside `name` is another fault. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') &&
    error.message.includes(`'${name}'`)
  )
}

/** Whether it is one of those that Weirhouse works with, and the user installs. */
export function isOptionalPackage(name: string): boolean {
  return Object.hasOwn(peers(), name)
}

/** The version that Weirhouse is tested with, so that the command brings neither an older major nor another tag. */
export function installSpec(name: string): string {
  const range = peers()[name]
  return range === undefined ? name : `${name}@${range.replace(/^[\^~]/, '')}`
}

function peers(): Manifest['peerDependencies'] {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest
  return manifest.peerDependencies
}
