import { mkdtempSync, rmSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dataOf, loadDefinition } from './definition.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weirhouse-definition-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(fileURLToPath(new URL('../../', import.meta.url)), join(folder, 'node_modules', 'weirhouse'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function save(file: string, text: string): string {
  writeFileSync(join(folder, file), text)
  return join(folder, file)
}

const MODULE = `import { pipeline, text } from 'weirhouse'
import { postgres } from 'weirhouse/sinks/postgres'
import { topic } from './topic.ts'
console.log('not on the standard output of whoever loads this')
export default pipeline({
  name: 'x', source: { topic }, decode: text(), order: row => row.v,
  sinks: [postgres({ id: 'sql', table: 't', columns: { a: 'text' }, row: a => ({ a }) })],
})`

test('what a module says now is told, also of what it imports, however often it was loaded before', async () => {
  const module = save('pipeline.ts', MODULE)
  save('topic.ts', `export const topic = 'one'`)
  const first = await loadDefinition(module)
  expect(first.source.topic).toBe('one')
  save('topic.ts', `export const topic = 'two'`)
  const second = await loadDefinition(module)
  expect(dataOf(second)).toMatchObject({
    name: 'x',
    source: { topic: 'two', partitions: 2 },
    order: 'version',
    sinks: [{ kind: 'postgres', id: 'sql', options: { table: 't', columns: { a: 'text' } } }],
  })
  expect(() => second.transform(null, {} as never)).toThrow('runs in its function only')
})

test.each([
  ['what is no pipeline', 'export default 1', /its default export is not a pipeline/],
  ['a wrong option', MODULE.replace('source: { topic }', "source: { topic: '' }"), /source\.topic/],
  ['code that throws', `throw new Error('no such thing')`, /line 1: no such thing/],
  ['a process that is ended', 'process.exit(3)', /it ends its process, with exit code 3/],
])('%s is WEIR_DEFINITION_INVALID', async (_, text, message) => {
  await expect(loadDefinition(save('wrong.ts', text))).rejects.toMatchObject({
    code: 'WEIR_DEFINITION_INVALID',
    message: expect.stringMatching(message),
  })
})
