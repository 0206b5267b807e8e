import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { watchFolders } from './watch.ts'

function watched(wants: (path: string) => boolean = () => true) {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-watch-'))
  const saves: string[][] = []
  const watch = watchFolders({ wants, onSaved: (paths) => saves.push([...paths]) })
  onTestFinished(() => {
    watch.close()
    rmSync(folder, { recursive: true })
  })
  return { folder, saves, watch, seen: (file: string) => expect.poll(() => saves.flat()).toContain(join(folder, file)) }
}

test('a file that is written, and one that is put in the place of another, as editors do, are told of', async () => {
  const { folder, saves, watch, seen } = watched()
  writeFileSync(join(folder, 'a.ts'), '1')
  watch.folders([folder])
  writeFileSync(join(folder, 'a.ts'), '2')
  await seen('a.ts')
  saves.length = 0
  writeFileSync(join(folder, '.a.ts.swp'), '3')
  renameSync(join(folder, '.a.ts.swp'), join(folder, 'a.ts'))
  await seen('a.ts')
})

test('one save is told of once, and what nobody wants is not', async () => {
  const { folder, saves, watch, seen } = watched((path) => path.endsWith('.ts'))
  watch.folders([folder])
  for (let i = 0; i < 5; i++) {
    writeFileSync(join(folder, 'a.ts'), String(i))
    writeFileSync(join(folder, 'noise.log'), String(i))
  }
  await seen('a.ts')
  await sleep(100)
  expect(saves).toEqual([[join(folder, 'a.ts')]])
})

test('a folder that is not there yet is waited for, and then watched itself', async () => {
  const { folder, watch, seen } = watched()
  const below = join(folder, 'deep', 'er')
  watch.folders([below])
  mkdirSync(below, { recursive: true })
  await seen('deep')
  watch.folders([below])
  writeFileSync(join(below, 'a.ts'), '1')
  await seen('deep/er/a.ts')
})

test('a folder that is no longer named is not watched any more', async () => {
  const { folder, saves, watch } = watched()
  mkdirSync(join(folder, 'b'))
  watch.folders([folder, join(folder, 'b')])
  watch.folders([join(folder, 'b')])
  writeFileSync(join(folder, 'a.ts'), '1')
  writeFileSync(join(folder, 'b', 'b.ts'), '1')
  await expect.poll(() => saves.flat()).toContain(join(folder, 'b', 'b.ts'))
  expect(saves.flat()).not.toContain(join(folder, 'a.ts'))
})
