import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, property, uint8Array } from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openScratch } from './sorter.ts'
import type { Scratch } from './sorter.ts'

let scratch: Scratch
afterEach(() => {
  scratch.dispose()
  vi.unstubAllEnvs()
})

function sortedBy(runBytes: number, entries: readonly Uint8Array[]): string[] {
  scratch = openScratch(runBytes)
  const sorter = scratch.sorter()
  for (const entry of entries) sorter.add(entry)
  expect(sorter.size).toBe(entries.length)
  const all = () => Array.from(sorter.sorted(), (entry) => entry.toString('hex'))
  const first = all()
  expect(all(), 'asked for again').toEqual(first)
  return first
}

const hex = (entry: Uint8Array) => Buffer.from(entry).toString('hex')
const byBytes = (entries: readonly Uint8Array[]) => entries.toSorted((a, b) => Buffer.compare(a, b)).map(hex)

describe('sorting', () => {
  test.each([
    ['in memory', 1 << 20],
    ['in files', 64],
  ])('gives what was added by its bytes, %s', (_, runBytes) => {
    assert(
      property(array(uint8Array({ maxLength: 20 }), { maxLength: 60 }), (entries) => {
        expect(sortedBy(runBytes, entries)).toEqual(byBytes(entries))
        scratch.dispose()
      }),
      { numRuns: 100 },
    )
  })

  test('merges more runs than it opens files, and entries larger than what it reads at once', () => {
    const entries = Array.from({ length: 300 }, (_, i) => {
      const entry = Buffer.alloc(i % 50 === 7 ? 90_000 : 2000)
      entry.writeUInt32BE((i * 7919) % 300)
      return entry
    })
    expect(sortedBy(100_000, entries)).toEqual(byBytes(entries))
  })

  test('leaves nothing in the temporary folder', () => {
    const folder = mkdtempSync(join(tmpdir(), 'weirhouse-sorter-'))
    vi.stubEnv('TMPDIR', folder)
    sortedBy(
      64,
      Array.from({ length: 100 }, (_, i) => Buffer.alloc(8, i)),
    )
    expect(readdirSync(folder)).toHaveLength(1)
    scratch.dispose()
    expect(readdirSync(folder)).toEqual([])
    rmdirSync(folder)
  })
})
