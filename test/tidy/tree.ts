import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'

export const root = join(import.meta.dirname, '../..')

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly text: string
}

const SKIPPED = new Set(['.git', 'node_modules', 'dist', '.weirhouse', 'coverage'])

/** Every file below a folder, as a clone has it: nothing installed, built or run. */
export function filesUnder(folder: string, base: string = root): SourceFile[] {
  return readdirSync(join(base, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`
      if (SKIPPED.has(entry.name)) return []
      if (entry.isDirectory()) return filesUnder(path, base)
      return entry.isFile() ? [{ path: path.split(sep).join('/'), text: readFileSync(join(base, path), 'utf8') }] : []
    })
}
