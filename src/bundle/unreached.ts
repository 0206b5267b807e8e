/**
 * Modules that a pipeline reaches only where its definition asks for what they do: elsewhere they are not in its function. What
 * calls them stands behind a condition on the very options that are asked here. Should a call get there all the same, it throws:
 * the invocation fails, or, where it was to encode one row, the record becomes a dead letter. Either names the module.
 */
import { sourceFile } from './build.ts'
import { absentModule } from '../core/settled.ts'
import type { Settlement } from '../core/settled.ts'

/** What the modules' conditions look at, of options of any kind. */
interface Asked {
  readonly tombstone?: string
  readonly format?: string
  readonly columns?: Readonly<Record<string, string>>
  readonly append?: boolean
  readonly timeToLive?: object
  /** Of code: its type. */
  readonly partition?: string
}

const hasColumn =
  (type: RegExp) =>
  ({ columns }: Asked) =>
    Object.values(columns ?? {}).some((each) => type.test(each))

const deletes = ({ tombstone }: Asked) => tombstone === 'delete'

/** By path in src/, without extension: whether a definition, the pipeline's or a sink's, reaches it. */
export const REACHED: Readonly<Record<string, (asked: Asked) => boolean>> = {
  'core/delete-keys': deletes,
  'sinks/s3/parted': ({ partition }) => partition === 'function',
  'sinks/s3/raw': ({ format }) => format?.startsWith('raw') === true,
  'sinks/postgres/date': hasColumn(/date/i),
  'sinks/postgres/delete-batch': deletes,
  'sinks/postgres/deletes': deletes,
  'sinks/postgres/encode-array': hasColumn(/\[\]/),
  'sinks/postgres/encode-integer': hasColumn(/int/i),
  'sinks/postgres/encode-json': hasColumn(/json/i),
  'sinks/postgres/encode-other': hasColumn(/real|uuid|bytea/i),
  'sinks/postgres/numeric': hasColumn(/numeric/i),
  'sinks/postgres/time': hasColumn(/date|timestamp/i),
  'sinks/dynamodb/markers': deletes,
  'sinks/dynamodb/additions': ({ append, timeToLive }) => append === true || timeToLive !== undefined,
}

/** The modules that no definition reaches. */
export function unreached(settlements: readonly Pick<Settlement, 'options' | 'code'>[]): string[] {
  const all = settlements.map(({ options, code }): Asked => ({ ...(code as object | null), ...options }))
  return Object.keys(REACHED).filter((path) => !all.some(REACHED[path]!))
}

const EXPORT = /^export (?:async function|function|const) (\w+)/gm

/** In place of such a module: what it exports, and nothing behind it. */
export function standIn(path: string, code: string): string {
  const names = Array.from(code.matchAll(EXPORT), ([, name]) => name)
  return [
    `import { ${absentModule.name} } from ${JSON.stringify(sourceFile('core/settled'))}`,
    `const stand = /* @__PURE__ */ ${absentModule.name}('${path}')`,
    `export { ${names.map((name) => `stand as ${name}`).join(', ')} }`,
  ].join('\n')
}
