/** docs/options/*.md, from the schemas that validate the options (src/core/options.ts). */
import type { AnySchema } from '../../src/core/options.ts'
import { GENERATED, tableOf } from './markdown.ts'

/** What a Valibot schema or action looks like from outside; each kind has some of these. */
interface Node {
  readonly kind: 'schema' | 'validation' | 'transformation' | 'metadata'
  readonly type: string
  readonly pipe?: readonly Node[]
  readonly entries?: Readonly<Record<string, Node>>
  readonly wrapped?: Node
  readonly default?: unknown
  readonly item?: Node
  readonly key?: Node
  readonly value?: Node
  readonly options?: readonly (Node | string | number)[]
  readonly literal?: unknown
  readonly requirement?: unknown
  readonly metadata?: { readonly text?: string; readonly unit?: string }
}

export interface OptionRow {
  /** Dotted path, as faults name it. */
  readonly path: string
  readonly type: string
  /** 'required', or the default as code; '' where it may be left out. */
  readonly fallback: string
  readonly range: string
  readonly unit: string
  readonly text: string
}

export function optionsPage(title: string, intro: string, schema: AnySchema): string {
  const rows = optionRows(schema).map(({ path, type, fallback, range, unit, text }) => [
    `\`${path}\``,
    type,
    fallback,
    range,
    unit,
    text,
  ])
  return `# ${title}

${GENERATED}

${intro}

${tableOf(['Option', 'Type', 'Default', 'Range', 'Unit', 'What it does'], rows)}

Unknown options are refused.
`
}

/** One row an option, groups before their members. */
export function optionRows(schema: AnySchema): OptionRow[] {
  return members(schema, '')
}

function members(schema: Node, prefix: string): OptionRow[] {
  const entries = unwrapped(schema).entries
  if (!entries) return []
  return Object.entries(entries).flatMap(([name, entry]) => {
    const path = `${prefix}${name}`
    const { text = '', unit = '' } = Object.assign({}, ...flat(entry).map((node) => node.metadata ?? {})) as {
      text?: string
      unit?: string
    }
    const row = { path, type: typeOf(entry), fallback: fallbackOf(entry), range: rangeOf(entry), unit, text }
    return [row, ...members(entry, `${path}.`)]
  })
}

/** A schema with every step of its pipe, wrapped ones included. */
function flat(node: Node): Node[] {
  const steps = (node.pipe ?? []).slice(1).flatMap(flat)
  const base = node.pipe?.[0]
  const inner = base && base !== node ? flat(base) : node.wrapped ? [node, ...flat(node.wrapped)] : [node]
  return [...inner, ...steps]
}

function unwrapped(node: Node): Node {
  if (node.wrapped) return unwrapped(node.wrapped)
  const base = node.pipe?.[0]
  return base && base !== node && base.kind === 'schema' && !node.entries ? unwrapped(base) : node
}

function typeOf(node: Node): string {
  const base = unwrapped(node)
  switch (base.type) {
    case 'string':
      return 'text'
    case 'number':
      return flat(node).some((step) => step.type === 'integer') ? 'whole number' : 'number'
    case 'picklist':
    case 'enum':
      return base.options!.map((option) => `\`${JSON.stringify(option)}\``).join(' or ')
    case 'literal':
      return `\`${JSON.stringify(base.literal)}\``
    case 'array':
      return `list of ${typeOf(base.item!)}`
    case 'record':
      return `map of ${typeOf(base.value!)}`
    case 'union':
    case 'variant':
      return base.options!.map((option) => typeOf(option as Node)).join(' or ')
    case 'strict_object':
    case 'object':
      return 'group'
    default:
      return base.type
  }
}

function fallbackOf(node: Node): string {
  const optional = flat(node).find((step) => step.type === 'optional' || step.type === 'exact_optional')
  if (!optional) return 'required'
  if (optional.default === undefined || unwrapped(node).entries) return ''
  return `\`${JSON.stringify(optional.default)}\``
}

function rangeOf(node: Node): string {
  const steps = flat(node)
  const numberOf = (type: string) => {
    const requirement = steps.find((step) => step.type === type)?.requirement
    return typeof requirement === 'number' ? requirement : undefined
  }
  const unit = unwrapped(node).type === 'string' ? ' characters' : ' items'
  const pattern = steps.find((step) => step.type === 'regex')?.requirement
  return [
    bounds(numberOf('min_value'), numberOf('max_value'), ''),
    bounds(numberOf('min_length'), numberOf('max_length'), unit),
    pattern instanceof RegExp ? `\`${pattern.source}\`` : '',
  ]
    .filter((part) => part !== '')
    .join(', ')
}

function bounds(min: number | undefined, max: number | undefined, unit: string): string {
  if (min !== undefined && max !== undefined) return `${min}..${max}${unit}`
  if (min !== undefined) return unit === '' ? `from ${min} on` : `${min} or more${unit}`
  return max === undefined ? '' : `up to ${max}${unit}`
}
