/** Global set-up of the package suite: the package, built and packed once. A test reads `inject('packed')`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { root } from '../tidy/tree.ts'
import { mustRun } from './npm.ts'

interface Packed {
  /** Absolute path. */
  readonly tarball: string
  /** Paths of what it holds. */
  readonly files: readonly string[]
}

declare module 'vitest' {
  export interface ProvidedContext {
    packed: Packed
  }
}

/** As `npm pack --json` says it. */
interface Answer {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-packed-'))
  rmSync(join(root, 'dist'), { recursive: true, force: true }) // a file long deleted must not be shipped
  mustRun('npm', ['run', '--silent', 'build'], root)
  const said = mustRun('npm', ['pack', '--json', '--pack-destination', folder], root)
  const { filename, files } = Object.values(JSON.parse(said) as Answer[] | Record<string, Answer>)[0]!
  project.provide('packed', { tarball: join(folder, filename), files: files.map(({ path }) => path) })
  return () => rmSync(folder, { recursive: true, force: true })
}
