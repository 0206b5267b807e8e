import type { SourceFile } from './tree.ts'

const CODE = /\bWEIR_[A-Z]+(?:_[A-Z]+)*\b/g

/** Error codes against the table, one line each: raised nowhere, or spoken of but not in the table. */
export function wrongCodes(files: readonly SourceFile[], table: readonly string[]): string[] {
  const known = new Set(table)
  const raised = new Set<string>()
  const unknown: string[] = []
  for (const { path, text } of files) {
    if (path.endsWith('src/core/error-table.ts') || path.startsWith('test/tidy')) continue
    for (const [code] of text.matchAll(CODE)) {
      if (!known.has(code))
        unknown.push(`${path}: ${code} is not in src/core/error-table.ts: add it, or use one that is`)
      if (/^(src|bin|scripts)\//.test(path) && !path.endsWith('.test.ts')) raised.add(code)
    }
  }
  const unused = table.filter((code) => !raised.has(code))
  return [...unknown, ...unused.map((code) => `${code} is in the error table, but nothing raises it: remove it`)]
}
