/** Planted violations: files named `*.planted`, so that no tool of the house takes them for source, unfolded for a test. */
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { root } from './tree.ts'

const SUFFIX = '.planted'

export interface Planted extends Disposable {
  readonly folder: string
  /** Names without the suffix, relative to the folder. */
  readonly files: readonly string[]
}

/** Copies test/fixtures/<name> to a folder of its own, `*.planted` under its real name, with our node_modules in reach. */
export function unfold(name: string): Planted {
  const folder = mkdtempSync(join(tmpdir(), `weirhouse-planted-${name}-`))
  cpSync(join(root, 'test/fixtures', name), folder, { recursive: true })
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(SUFFIX))
    .map((path) => path.slice(0, -SUFFIX.length))
    .sort()
  for (const file of files) renameSync(join(folder, file + SUFFIX), join(folder, file))
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  return { folder, files, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Runs a tool of ours in that folder. */
export function tool(script: string, args: readonly string[], folder: string) {
  const ran = spawnSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { exitCode: ran.status, output: ran.stdout + ran.stderr, stdout: ran.stdout }
}
