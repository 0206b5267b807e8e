/** Values of templates as a person reads them: intrinsic functions become names. Pure, and never executed as a template. */
import type { StackResources, TemplateResource, TemplateValue } from './synthesized.ts'

export interface TemplateObject {
  readonly [key: string]: TemplateValue
}

/** A resource, where it stands. */
export interface Located {
  readonly stack: string
  readonly id: string
  readonly resource: TemplateResource
}

export interface Reader {
  readonly resources: readonly Located[]
  /** Text for a person; what only a deployment knows stands in angle brackets. */
  readonly text: (value: TemplateValue | undefined) => string
  /** The resources that a value points at, within its stack or by what another exports. */
  readonly pointsAt: (value: TemplateValue | undefined, stack: string) => Located[]
}

/** Properties by which resources are named, the most telling first. */
const NAMES = [
  'FunctionName',
  'TopicName',
  'BucketName',
  'TableName',
  'ClusterName',
  'DBInstanceIdentifier',
  'RoleName',
  'AlarmName',
  'DashboardName',
  'LogGroupName',
  'KeyName',
  'Name',
]
/** What the CDK puts behind an id that has more than one part, and behind that where contents make a resource another one. */
const HASH = /[0-9A-F]{8}(?:[0-9a-f]{16,32})?$/

/** The name that a definition fixed, if it did. */
export function fixedName({ Properties = {} }: TemplateResource): string | undefined {
  const named = NAMES.map((key) => Properties[key]).find((value) => typeof value === 'string')
  if (named !== undefined) return named
  const tags = Array.isArray(Properties['Tags']) ? (Properties['Tags'] as TemplateObject[]) : []
  const tag = tags.find(({ Key }) => Key === 'Name')?.['Value']
  // The CDK tags with a construct's path what nobody named.
  return typeof tag === 'string' && !tag.includes('/') ? tag : undefined
}

/** A logical id without what makes it unique: the names of its constructs. */
export function plainId(id: string): string {
  return id.replace(HASH, '') || id
}

export function isObject(value: TemplateValue | undefined): value is TemplateObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listOf(value: TemplateValue | undefined): readonly TemplateValue[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? (value as readonly TemplateValue[]) : [value]
}

export function readerOf(stacks: readonly StackResources[]): Reader {
  const all = stacks.flatMap(({ stackName, resources }) =>
    Object.entries(resources).map(([id, resource]): Located => ({ stack: stackName, id, resource })),
  )
  const exported = (name: string) => exportedBy(name, all)
  const text = (value: TemplateValue | undefined): string => {
    if (value === undefined || value === null) return ''
    if (typeof value === 'string') return value
    if (Array.isArray(value)) return (value as TemplateValue[]).map(text).join(', ')
    return isObject(value) ? intrinsic(value, text, exported) : JSON.stringify(value)
  }
  const pointsAt = (value: TemplateValue | undefined, stack: string): Located[] => {
    if (Array.isArray(value)) return (value as TemplateValue[]).flatMap((each) => pointsAt(each, stack))
    if (!isObject(value)) return []
    const outside = importOf(value)
    if (outside !== undefined) return [exported(outside)?.located].filter((each) => each !== undefined)
    const id = value['Ref'] ?? attributeOf(value)?.[0]
    if (typeof id === 'string') return all.filter((each) => each.stack === stack && each.id === id)
    return Object.values(value).flatMap((each) => pointsAt(each, stack))
  }
  return { resources: all, text, pointsAt }
}

interface Exported {
  readonly located: Located
  readonly attribute: string
}

/** The CDK names an export `<stack>:ExportsOutput<Ref or FnGetAtt><logical id><attribute><hash>`; a weak one without the stack. */
function exportedBy(name: string, all: readonly Located[]): Exported | undefined {
  const [, stack, rest] = /^(?:(.*):)?ExportsOutput(?:Ref|FnGetAtt)(.*)$/s.exec(name) ?? []
  if (rest === undefined) return undefined
  const [located] = all
    .filter((each) => rest.startsWith(each.id) && (stack === undefined || each.stack === stack))
    .sort((a, b) => b.id.length - a.id.length)
  return located && { located, attribute: rest.slice(located.id.length).replace(HASH, '') }
}

function importOf(value: TemplateObject): string | undefined {
  const { 'Fn::ImportValue': strong, 'Fn::GetStackOutput': weak } = value
  if (typeof strong === 'string') return strong
  const output = isObject(weak) ? weak['OutputName'] : undefined
  return typeof output === 'string' ? output : undefined
}

function attributeOf(value: TemplateObject): readonly [id: string, attribute: string] | undefined {
  const attribute = value['Fn::GetAtt']
  const parts = typeof attribute === 'string' ? attribute.split('.') : listOf(attribute)
  const [id, ...path] = parts.filter((part) => typeof part === 'string')
  return id === undefined ? undefined : [id, path.join('.')]
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': '<region>',
  'AWS::AccountId': '<account>',
  'AWS::NoValue': '',
}

function intrinsic(
  value: TemplateObject,
  text: (value: TemplateValue | undefined) => string,
  exported: (name: string) => Exported | undefined,
): string {
  const { Ref, 'Fn::Join': join, 'Fn::Sub': sub, 'Fn::Select': select, 'Fn::If': condition } = value
  if (typeof Ref === 'string') return PSEUDO[Ref] ?? plainId(Ref)
  const attribute = attributeOf(value)
  if (attribute) return attributed(...attribute)
  const outside = importOf(value)
  if (outside !== undefined) {
    const found = exported(outside)
    return found ? attributed(found.located.id, found.attribute) : `<${outside}>`
  }
  if (Array.isArray(join)) return listOf(join[1]).map(text).join(text(join[0]))
  if (sub !== undefined) return substituted(sub, text)
  if (Array.isArray(select)) return selected(select as readonly TemplateValue[], text)
  if (Array.isArray(condition)) return `${text(condition[1])} or ${text(condition[2])}`
  return `<${JSON.stringify(value)}>`
}

/** The ARN of a resource goes by the resource's name. */
function attributed(id: string, attribute: string): string {
  return attribute === '' || attribute === 'Arn' ? plainId(id) : `${plainId(id)}.${attribute}`
}

function substituted(sub: TemplateValue, text: (value: TemplateValue | undefined) => string): string {
  const [template, given] = Array.isArray(sub) ? (sub as readonly TemplateValue[]) : [sub]
  return text(template).replaceAll(/\$\{(!?)([^}]+)\}/g, (_, literal: string, name: string) => {
    if (literal) return `\${${name}}`
    if (isObject(given) && Object.hasOwn(given, name)) return text(given[name])
    const [id, ...path] = name.split('.')
    return path.length > 0 ? text({ 'Fn::GetAtt': [id!, path.join('.')] }) : text({ Ref: name })
  })
}

/** Of a text cut in two of which only a deployment knows both, the last part goes by the name of the whole: `:cluster/` of an ARN. */
function selected([index, list]: readonly TemplateValue[], text: (value: TemplateValue | undefined) => string): string {
  const at = Number(index)
  const split = isObject(list) ? list['Fn::Split'] : undefined
  if (!Array.isArray(split)) return Array.isArray(list) ? text((list as TemplateValue[])[at]) : `${text(list)}[${at}]`
  const [separator, whole] = [text(split[0] as TemplateValue), text(split[1] as TemplateValue)]
  const parts = whole.split(separator)
  if (parts.length > 1) return parts[at] ?? ''
  return at === 0 ? '' : whole
}
