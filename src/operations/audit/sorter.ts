/**
 * Sorting more than memory holds: entries are bytes, sorted in runs of a few MiB, which go to files and are merged. What fits
 * into one run never touches the disk. All of it is synchronous: a merge reads a file for every thousand entries.
 */
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KIB, MIB } from '../../core/limits.ts'

/** One run in memory. */
const RUN_BYTES = 4 * MIB
/** A run's room to begin with: most sinks under audit are small. */
const FIRST_BYTES = 64 * KIB
/** Runs merged at once; with more of them, these become one first. */
const FAN_IN = 32
const READ_BYTES = 64 * KIB
const LENGTH_BYTES = 4
/** As many leading bytes as a double holds exactly: they settle nearly every comparison. */
const PREFIX_BYTES = 6

export interface Sorter {
  readonly size: number
  /** Copies the entry; not after the first `sorted()`. */
  add(entry: Uint8Array): void
  /** All entries, ascending by their bytes, each valid until the next is asked for. May be asked for again and again. */
  sorted(): Generator<Buffer, void, undefined>
}

/** Room for sorting: a folder under the system's temporary one, there from the first file on. */
export interface Scratch {
  sorter(): Sorter
  /** Removes every file. */
  dispose(): void
}

/** @param runBytes for tests: an entry has to fit into it. */
export function openScratch(runBytes = RUN_BYTES): Scratch {
  let folder: string | undefined
  let files = 0
  const nextFile = () => {
    folder ??= mkdtempSync(join(tmpdir(), 'weirhouse-audit-'))
    return join(folder, `run-${files++}`)
  }
  return {
    sorter: () => createSorter(runBytes, nextFile),
    dispose() {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
      folder = undefined
    },
  }
}

function createSorter(runBytes: number, nextFile: () => string): Sorter {
  let run = createRun(runBytes)
  /** Files by how often their entries were merged: an entry is written log(n) times. */
  const levels: string[][] = []
  let size = 0
  const keep = (file: string, level: number) => {
    const files = (levels[level] ??= [])
    files.push(file)
    if (files.length === FAN_IN) keep(writeRun(nextFile(), mergeFiles(files.splice(0))), level + 1)
  }
  const spill = () => {
    keep(writeRun(nextFile(), run.sorted()), 0)
    run = createRun(runBytes)
  }
  return {
    get size() {
      return size
    },
    add(entry) {
      if (!run.add(entry)) {
        spill()
        if (!run.add(entry)) throw new Error(`an entry of ${entry.length} bytes is more than a run holds`)
      }
      size++
    },
    sorted: () => (levels.length === 0 ? run.sorted() : merge([...levels.flat().map(readRun), run.sorted()])),
  }
}

interface Run {
  /** False where it is full. */
  add(entry: Uint8Array): boolean
  sorted(): Generator<Buffer, void, undefined>
}

/** Entries one after the other in one buffer: no object for each, so that the heap stays small. */
function createRun(maxBytes: number): Run {
  let bytes = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, maxBytes))
  const starts = [0]
  return {
    add(entry) {
      const start = starts.at(-1)!
      const end = start + entry.length
      if (end > maxBytes) return false
      if (end > bytes.length) {
        const grown = Buffer.allocUnsafeSlow(Math.min(maxBytes, Math.max(end, bytes.length * 2)))
        bytes.copy(grown, 0, 0, start)
        bytes = grown
      }
      bytes.set(entry, start)
      starts.push(end)
      return true
    },
    *sorted() {
      for (const i of order(bytes, starts)) yield bytes.subarray(starts[i], starts[i + 1])
    },
  }
}

function order(bytes: Buffer, starts: readonly number[]): Uint32Array {
  const count = starts.length - 1
  const prefixes = new Float64Array(count)
  const indices = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    indices[i] = i
    const from = starts[i]!
    const length = Math.min(PREFIX_BYTES, starts[i + 1]! - from)
    if (length > 0) prefixes[i] = bytes.readUIntBE(from, length) * 256 ** (PREFIX_BYTES - length)
  }
  return indices.sort(
    (a, b) => prefixes[a]! - prefixes[b]! || bytes.compare(bytes, starts[b], starts[b + 1], starts[a], starts[a + 1]),
  )
}

function writeRun(path: string, entries: Iterable<Buffer>): string {
  const file = openSync(path, 'wx', 0o600)
  try {
    const block = Buffer.allocUnsafe(READ_BYTES)
    let used = 0
    const flush = () => {
      if (used > 0) writeSync(file, block, 0, used)
      used = 0
    }
    for (const entry of entries) {
      if (used + LENGTH_BYTES + entry.length > block.length) flush()
      used = block.writeUInt32BE(entry.length, used)
      if (LENGTH_BYTES + entry.length <= block.length) {
        used += entry.copy(block, used)
        continue
      }
      flush()
      writeSync(file, entry)
    }
    flush()
  } finally {
    closeSync(file)
  }
  return path
}

function* readRun(path: string): Generator<Buffer, void, undefined> {
  const file = openSync(path, 'r')
  try {
    let block = Buffer.allocUnsafe(READ_BYTES)
    let from = 0
    let to = 0
    /** Sees to it that so many bytes stand at `from`; false at the end of the file. */
    const have = (wanted: number): boolean => {
      if (to - from >= wanted) return true
      const rest = block.subarray(from, to)
      if (wanted > block.length) block = Buffer.concat([rest], wanted)
      else rest.copy(block)
      to -= from
      from = 0
      while (to < wanted) {
        const read = readSync(file, block, to, block.length - to, null)
        if (read === 0) return false
        to += read
      }
      return true
    }
    while (have(LENGTH_BYTES)) {
      const length = block.readUInt32BE(from)
      from += LENGTH_BYTES
      have(length)
      yield block.subarray(from, from + length)
      from += length
    }
  } finally {
    closeSync(file)
  }
}

function* mergeFiles(paths: readonly string[]): Generator<Buffer, void, undefined> {
  yield* merge(paths.map(readRun))
  for (const path of paths) rmSync(path)
}

type Source = Generator<Buffer, void, undefined>

/** A heap of the runs' first entries, smallest at the top. */
function* merge(sources: readonly Source[]): Source {
  const heap: { readonly source: Source; entry: Buffer }[] = []
  try {
    for (const source of sources) {
      const { value } = source.next()
      if (value) heap.push({ source, entry: value })
    }
    for (let at = heap.length >>> 1; at >= 0; at--) sink(heap, at)
    while (heap.length > 0) {
      const top = heap[0]!
      yield top.entry
      const { value } = top.source.next()
      if (value) top.entry = value
      else {
        const last = heap.pop()!
        if (heap.length > 0 && last !== top) heap[0] = last
      }
      sink(heap, 0)
    }
  } finally {
    // a merge that nobody reads to its end still closes its files
    for (const source of sources) source.return()
  }
}

function sink(heap: { readonly entry: Buffer }[], from: number): void {
  for (let at = from; ;) {
    let least = at
    for (const child of [2 * at + 1, 2 * at + 2])
      if (child < heap.length && heap[child]!.entry.compare(heap[least]!.entry) < 0) least = child
    if (least === at) return
    ;[heap[at], heap[least]] = [heap[least]!, heap[at]!]
    at = least
  }
}
