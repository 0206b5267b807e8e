/** A gate must be seen to fail once: each has a planted violation in test/fixtures. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tool, unfold } from './tidy/planted.ts'
import { root } from './tidy/tree.ts'

interface OxlintConfig {
  readonly rules: Readonly<Record<string, unknown>>
}
interface OxlintReport {
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[]
}

const readJson = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))
const strict = readJson('tsconfig.json') as { readonly compilerOptions: Readonly<Record<string, unknown>> }

describe('lint', () => {
  const { rules } = readJson('.oxlintrc.json') as OxlintConfig
  const on = Object.entries(rules).filter(([, level]) => level !== 'off')

  test('each rule that is on finds its planted violation, and so does a rule of each category', () => {
    using planted = unfold('lint')
    copyFileSync(join(root, '.oxlintrc.json'), join(planted.folder, '.oxlintrc.json'))
    writeFileSync(join(planted.folder, 'tsconfig.json'), JSON.stringify({ ...strict, include: ['*.ts'] }))
    const { stdout } = tool('oxlint/bin/oxlint', ['--type-aware', '--format', 'json'], planted.folder)
    const { diagnostics } = JSON.parse(stdout) as OxlintReport
    const found = (rule: string) =>
      diagnostics.some(({ code, filename }) => code.includes(`(${rule})`) && filename.endsWith(`${rule}.ts`))
    const wanted = [...on.map(([name]) => name.replace(/^.*\//, '')), 'no-base-to-string']
    expect(
      wanted.filter((rule) => !found(rule)),
      `found: ${diagnostics.map((each) => `${each.filename} ${each.code}`).join(', ')}`,
    ).toEqual([])
  })
})

test('types: each strict option finds its planted violation', () => {
  using planted = unfold('types')
  writeFileSync(join(planted.folder, 'tsconfig.json'), JSON.stringify({ ...strict, include: ['*.ts'] }))
  writeFileSync(join(planted.folder, 'package.json'), JSON.stringify({ type: 'module' }))
  const { output, exitCode } = tool('typescript/bin/tsc', ['--pretty', 'false'], planted.folder)
  expect(exitCode).not.toBe(0)
  const missed = planted.files.filter((file) => {
    const code = /-(TS\d+)\.ts$/.exec(file)![1]!
    return !output.split('\n').some((line) => line.startsWith(`${file}(`) && line.includes(`error ${code}:`))
  })
  expect(missed, output).toEqual([])
  const named = new Set(planted.files.map((file) => file.split('-')[0]))
  const gates = ['strict', 'noUncheckedIndexedAccess', 'exactOptionalPropertyTypes', 'erasableSyntaxOnly']
  expect(gates.filter((option) => !named.has(option) || strict.compilerOptions[option] !== true)).toEqual([])
})

test('format: a file laid out otherwise is found', () => {
  using planted = unfold('format')
  copyFileSync(join(root, '.oxfmtrc.json'), join(planted.folder, '.oxfmtrc.json'))
  const { output, exitCode } = tool('oxfmt/bin/oxfmt', ['--check', '.'], planted.folder)
  expect(exitCode).not.toBe(0)
  expect(output).toContain('semicolons.ts')
})

test('knip: an export and a file that nobody uses are found', () => {
  using planted = unfold('knip')
  writeFileSync(join(planted.folder, 'package.json'), JSON.stringify({ name: 'planted', type: 'module' }))
  writeFileSync(join(planted.folder, 'knip.json'), JSON.stringify({ entry: ['main.ts'], project: ['*.ts'] }))
  const { output, exitCode } = tool('knip/bin/knip.js', ['--no-progress'], planted.folder)
  expect(exitCode).not.toBe(0)
  expect(output).toContain('orphan.ts')
  expect(output).toMatch(/unused .*part\.ts/)
})
