import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { WeirError } from '../core/errors.ts'
import { defineConfig } from './define.ts'
import { findRoot, loadProject } from './load.ts'

const projects = join(import.meta.dirname, '../../test/fixtures/projects')

async function faultOf(name: string): Promise<string> {
  const error: unknown = await loadProject(join(projects, name)).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(WeirError)
  expect((error as WeirError).code).toBe('WEIR_DEFINITION_INVALID')
  return (error as WeirError).message
}

test('a project is its folder and the pipelines that its configuration names', async () => {
  const root = join(projects, 'good')
  const project = await loadProject(root)
  expect(project.root).toBe(root)
  expect(project.pipelines.map(({ pipeline, module }) => [pipeline.name, module])).toEqual([
    ['one', join(root, 'one.ts')],
  ])
})

test('it is found from a folder below', () => {
  expect(findRoot(join(projects, 'good', 'deep', 'below'))).toBe(join(projects, 'good'))
})

describe('faults', () => {
  test('no configuration anywhere', async () => {
    const error: unknown = await loadProject('/').catch((reason: unknown) => reason)
    expect((error as WeirError).message).toBe('There is no weirhouse.config.ts in / or above it.')
  })

  test.each([
    ['broken', /gone\.ts: there is no such file/],
    ['twice', /two pipelines are named "one"/],
    ['not-a-pipeline', /thing\.ts: its default export is not a pipeline/],
    ['no-default', /thing\.ts: it has no default export/],
  ])('%s', async (name, fault) => {
    expect(await faultOf(name)).toMatch(fault)
  })

  test.each<[object, string]>([
    [{}, 'pipelines: Expected "pipelines" but received undefined'],
    [{ pipelines: [] }, 'pipelines: name one pipeline at least'],
    [{ pipelines: [''] }, 'pipelines.0: '],
    [{ pipelines: ['a'], piplines: ['b'] }, 'piplines: there is no such option'],
  ])('%j', (config, fault) => {
    expect(() => defineConfig(config as never)).toThrow(fault)
  })
})
