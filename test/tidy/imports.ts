/** Imports of a source file, read from its text: TypeScript 7 has no JavaScript API. oxfmt keeps statements in this form. */
export interface Import {
  readonly specifier: string
  /** `import type` and `export type` leave nothing behind at run time. */
  readonly typeOnly: boolean
}

/** `import ... from 'x'`, `export ... from 'x'`, `import 'x'`: statements begin in the first column. */
const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[^'"`;=()]*?\s+from\s+)?'([^']+)'/gm
/** `import('x')`; behind `typeof` it is a type. */
const DYNAMIC = /(typeof\s+)?\bimport\(\s*'([^']+)'/g

export function importsOf(source: string): Import[] {
  const code = withoutComments(source)
  return [...code.matchAll(STATEMENT), ...code.matchAll(DYNAMIC)].map(([, typeOnly, specifier]) => ({
    specifier: specifier!,
    typeOnly: typeOnly !== undefined,
  }))
}

/** Comments blanked, line ends kept. Comment marks inside strings are told by what stands before: a space or a line start. */
export function withoutComments(source: string): string {
  const blank = (text: string) => text.replaceAll(/[^\n]/g, ' ')
  return source.replaceAll(/(?<=^|\s)\/\*[\s\S]*?\*\//g, blank).replaceAll(/(?<=^|\s)\/\/[^\n]*/g, blank)
}
