/** Tells of files that were saved. Folders are watched, not files: most editors put a new file in the old one's place. */
import { existsSync, watch } from 'node:fs'
import type { FSWatcher } from 'node:fs'
import { dirname, join } from 'node:path'
import { messageOf, WeirError } from '../core/errors.ts'

/** A save is several events: the file is emptied, written, renamed. */
const SETTLE_MS = 25

export interface Watch {
  /**
   * Watches these folders and no others. One that is not there is waited for in the nearest one above it. True where one of
   * them was not watched before: what came into it until now was not told. Throws WEIR_WATCH.
   */
  folders(folders: Iterable<string>): boolean
  close(): void
}

export interface WatchOptions {
  /** Whether a file, by its absolute path, is of interest. */
  readonly wants: (path: string) => boolean
  /** Gets what of it was written, made, renamed or deleted, and when that was seen first (performance.now). */
  readonly onSaved: (paths: ReadonlySet<string>, at: number) => void
}

export function watchFolders({ wants, onSaved }: WatchOptions): Watch {
  const watchers = new Map<string, FSWatcher>()
  let saved = new Set<string>()
  let first = 0
  let timer: NodeJS.Timeout | undefined
  const tell = () => {
    const paths = saved
    saved = new Set()
    timer = undefined
    onSaved(paths, first)
  }
  const seen = (path: string) => {
    if (!wants(path)) return
    if (saved.size === 0) first = performance.now()
    saved.add(path)
    timer ??= setTimeout(tell, SETTLE_MS)
  }
  const drop = (folder: string) => {
    watchers.get(folder)?.close()
    watchers.delete(folder)
  }
  const open = (folder: string) => {
    try {
      const watcher = watch(folder, (_, name) => seen(name === null ? folder : join(folder, name)))
      watchers.set(folder, watcher)
      // The folder went away: what comes in its place is found the next time that folders are named.
      watcher.on('error', () => drop(folder))
    } catch (error) {
      throw new WeirError('WEIR_WATCH', { folder, reason: messageOf(error) }, { cause: error })
    }
  }
  return {
    folders(folders) {
      const wanted = new Set(Array.from(folders, nearest))
      for (const folder of watchers.keys()) if (!wanted.has(folder)) drop(folder)
      const fresh = [...wanted].filter((folder) => !watchers.has(folder))
      fresh.forEach(open)
      return fresh.length > 0
    },
    close() {
      clearTimeout(timer)
      for (const folder of watchers.keys()) drop(folder)
    },
  }
}

function nearest(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearest(dirname(folder))
}
