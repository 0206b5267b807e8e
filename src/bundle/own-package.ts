/** Where `weirhouse/...` of a pipeline leads: to the very package that bundles, never to another copy or version of it. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

interface Manifest {
  readonly name: string
  readonly exports: Readonly<Record<string, string | { readonly source: string; readonly default: string }>>
}

const root = new URL('../../', import.meta.url)
/** Unbuilt in the repository, built in an installed package, which ships no src/. */
const condition = import.meta.url.endsWith('.ts') ? 'source' : 'default'

/** Absolute path of a module by its import path, such as `weirhouse/sinks/s3`; undefined where it is not exported. */
export function ownModule(importPath: string): string | undefined {
  const { name, exports } = manifest()
  const target = exports[importPath.replace(name, '.')]
  return typeof target === 'object' ? fileURLToPath(new URL(target[condition], root)) : undefined
}

let read: Manifest | undefined
function manifest(): Manifest {
  read ??= JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Manifest
  return read
}
