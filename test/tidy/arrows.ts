/**
 * The arrows: which folder of src/ may import which. Everything else is an error (docs/architecture.md).
 * The public doors, src/index.ts and the `index.ts` that package.json exports, are held to their own folder's arrows.
 */
import { posix } from 'node:path'
import { importsOf, withoutComments } from './imports.ts'
import type { SourceFile } from './tree.ts'

interface Arrows {
  /** Parts of src/, besides core: `sinks/*` + `/index` is any sink's definition. */
  readonly parts: readonly string[]
  /** Packages; `node:` modules are free outside of core. */
  readonly packages: readonly string[]
  /** Parts of which only the types may be imported. */
  readonly types?: readonly string[]
}

const CLIENTS = ['@aws-sdk/*', '@aws-cdk/cloudformation-diff', '@platformatic/kafka', 'hyparquet', 'pg']
const SINK_DATA = ['sinks/*/index', 'sinks/*/options']
/** Shapes alone: nothing of them is left at run time. */
const CONTRACTS = ['sinks/sink', 'sinks/ledger']

export const arrows: Readonly<Record<string, Arrows>> = {
  core: { parts: [], packages: ['valibot', '@standard-schema/spec'], types: CONTRACTS },
  aws: { parts: [], packages: [] },
  kafka: { parts: [], packages: ['@platformatic/kafka'] },
  'sinks/sink': { parts: ['sinks/ledger'], packages: [] },
  'sinks/ledger': { parts: [], packages: [] },
  'sinks/rewind': { parts: ['sinks/ledger'], packages: [] },
  'sinks/ledger-dynamodb': { parts: ['sinks/ledger', 'aws'], packages: [] },
  'sinks/index': { parts: ['sinks/sink', 'sinks/ledger'], packages: [] },
  'sinks/memory-rewind': { parts: ['sinks/memory', 'sinks/rewind'], packages: [] },
  'sinks/memory': { parts: ['sinks/sink'], packages: [] },
  'sinks/*': {
    parts: ['sinks/sink', 'sinks/ledger', 'sinks/rewind', 'aws'],
    packages: ['valibot', 'hyparquet-writer'],
  },
  lambda: { parts: ['sinks/sink', 'sinks/ledger', 'sinks/ledger-dynamodb', 'sinks/dead-letters', 'aws'], packages: [] },
  config: { parts: ['sinks/*/index'], packages: ['valibot'], types: CONTRACTS },
  bundle: { parts: ['config'], packages: ['esbuild'] },
  'event-source': { parts: ['kafka'], packages: [] },
  // reads dead letters with the code that writes them; the sinks' own write path stays out of reach. Its own function logs and
  // fails as a pipeline's does.
  operations: {
    parts: [
      'config',
      'kafka',
      'aws',
      'sinks/dead-letters',
      'sinks/*/migrate',
      'sinks/*/rewind',
      'sinks/rewind',
      'sinks/ledger',
      'sinks/ledger-dynamodb',
      ...['deadline', 'failure', 'log', 'variable'].map((name) => `lambda/${name}`),
      ...SINK_DATA,
    ],
    packages: CLIENTS,
    types: [...CONTRACTS, 'lambda/handler'],
  },
  // makes bucket, tables and ledger as a deployment would, hence aws and the migration
  local: {
    parts: [
      'config',
      'bundle',
      'kafka',
      'event-source',
      'aws',
      'sinks/ledger-dynamodb',
      'operations/migrate',
      ...SINK_DATA,
    ],
    packages: ['esbuild', 'pg'],
    types: [...CONTRACTS, 'operations/target'],
  },
  // makes tables as they are described, hence the ledger's and their form; no client
  cdk: {
    parts: ['config', 'bundle', 'aws/table', 'sinks/ledger-dynamodb', ...SINK_DATA],
    packages: ['aws-cdk-lib', 'constructs'],
    types: CONTRACTS,
  },
  testing: { parts: ['sinks/sink', 'sinks/ledger', 'sinks/rewind', 'event-source'], packages: [] },
  cli: { parts: ['*'], packages: ['commander', 'cli-table3'] },
  index: { parts: ['config'], packages: [] },
}

/** Modules of Node without I/O, clock or chance. */
const PURE_NODE = new Set(['node:buffer', 'node:crypto', 'node:zlib'])

const IMPURE: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/\bprocess\./, 'take it as an argument'],
  [/\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b/, 'take a Clock (core/ports.ts)'],
  [/\bMath\.random\b|\brandomUUID\b|\brandomBytes\b/, 'take a Random (core/ports.ts)'],
  [/\bset(?:Timeout|Interval|Immediate)\(/, 'take a Clock (core/ports.ts)'],
  [/\bconsole\./, 'take a Log (core/ports.ts)'],
  [/\bfetch\(/, 'let the caller fetch'],
]

/** The part a file of src/ belongs to: its key in the table. */
export function partOf(path: string): string {
  const inner = path.replace(/^src\//, '').replace(/(\.test)?\.ts$/, '')
  if (!inner.startsWith('sinks/')) return inner.split('/')[0]!
  const [, name] = inner.split('/')
  return inner.split('/').length > 2 ? 'sinks/*' : `sinks/${name}`
}

/** Every arrow against the table, one line each: file, what it imports, what to do instead. */
export function wrongArrows(files: readonly SourceFile[]): string[] {
  return files.filter(({ path }) => /^src\/.*\.ts$/.test(path) && !path.endsWith('.test.ts')).flatMap(wrongArrowsOf)
}

function wrongArrowsOf({ path, text }: SourceFile): string[] {
  const part = partOf(path)
  const allowed = arrows[part]
  if (!allowed) return [`${path}: folder "${part}" is not in the table of arrows (test/tidy/arrows.ts)`]
  return importsOf(text).flatMap(({ specifier, typeOnly }) => {
    const fault = specifier.startsWith('.')
      ? faultOfPart(path, part, posix.join(posix.dirname(path), specifier), typeOnly, allowed)
      : faultOfPackage(part, specifier, typeOnly, allowed)
    return fault ? [`${path}: imports ${specifier}: ${fault}`] : []
  })
}

function faultOfPart(from: string, part: string, to: string, typeOnly: boolean, allowed: Arrows): string | undefined {
  const target = to.replace(/^src\//, '').replace(/\.ts$/, '')
  if (!to.startsWith('src/')) return to === 'package.json' ? undefined : 'it is outside of src'
  if (target.startsWith('core/')) return undefined
  if (isSame(from, part, to)) return undefined
  const open = [...allowed.parts, ...(typeOnly ? (allowed.types ?? []) : [])]
  if (open.some((pattern) => covers(pattern, target))) return undefined
  if (allowed.types?.some((pattern) => covers(pattern, target)))
    return 'only its types may be imported: use import type'
  return `${part} may import core${allowed.parts.map((each) => `, ${each}`).join('')}`
}

/** Within one folder everything may; one sink is one folder. */
function isSame(from: string, part: string, to: string): boolean {
  if (part !== partOf(to)) return false
  return part !== 'sinks/*' || from.split('/')[2] === to.split('/')[2]
}

function covers(pattern: string, target: string): boolean {
  if (pattern === '*') return true
  const expression = pattern.replaceAll('*', '[^/]+')
  return new RegExp(`^${expression}(/|$)`).test(target)
}

function faultOfPackage(part: string, specifier: string, typeOnly: boolean, allowed: Arrows): string | undefined {
  if (specifier.startsWith('node:'))
    return part === 'core' && !PURE_NODE.has(specifier) ? 'core is pure: take a port as an argument' : undefined
  if (typeOnly) return undefined
  if (part === 'cli') return undefined
  const open = allowed.packages.some((pattern) => covers(pattern, specifier))
  return open ? undefined : `${part} may import the packages ${allowed.packages.join(', ') || 'none'}`
}

/** Clock, chance and I/O in core (N2). */
export function impurities(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => /^src\/core\/.*\.ts$/.test(path) && !path.endsWith('.test.ts'))
    .flatMap(({ path, text }) => {
      const code = withoutComments(text)
      return IMPURE.filter(([pattern]) => pattern.test(code)).map(
        ([pattern, instead]) => `${path}: ${pattern.exec(code)![0]}: core is pure, ${instead}`,
      )
    })
}
