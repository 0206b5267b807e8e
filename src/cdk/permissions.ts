/** What each role of the stacks may do, in words, read from their templates. Pure. Nothing that a policy says is left out. */
import { fixedName, isObject, listOf, plainId, readerOf } from './readable.ts'
import type { Located, Reader, TemplateObject } from './readable.ts'
import type { StackResources, TemplateValue } from './synthesized.ts'

export interface Permission {
  readonly effect: 'allow' | 'deny'
  /** As the policy has them; `but` before them where it names what is left out. */
  readonly actions: readonly string[]
  /** By readable names; the same. */
  readonly resources: readonly string[]
  /** Whether actions or resources are a pattern, or everything but something. */
  readonly wide: boolean
  readonly condition?: string
  readonly text: string
}

export interface RolePermissions {
  readonly stack: string
  readonly role: string
  /** Such as `function demo`. */
  readonly usedBy: readonly string[]
  /** Services that may take the role on. */
  readonly assumedBy: readonly string[]
  /** Policies that AWS writes. */
  readonly managed: readonly string[]
  readonly permissions: readonly Permission[]
}

/** Where the stacks go, if it is said: what names them is shortened like what is known at deployment. */
export interface Place {
  readonly region?: string | undefined
  readonly account?: string | undefined
}

export function permissionsOf(stacks: readonly StackResources[], place: Place = {}): RolePermissions[] {
  const reader = readerOf(stacks)
  const { resources: all } = reader
  const known = all.filter(({ resource }) => resource.Type === 'AWS::IAM::Role')
  const policies = all.flatMap((each) => policiesOf(each, known, reader))
  const users = all.flatMap((each) => usesOf(each, reader))
  const roles = known.map((role) => {
    const { AssumeRolePolicyDocument: assumed, Policies: inline } = role.resource.Properties ?? {}
    const attached = policies.filter(({ roles }) => roles.includes(role)).map(({ document }) => document)
    const own = listOf(inline).map((each) => (isObject(each) ? each['PolicyDocument'] : undefined))
    return {
      stack: role.stack,
      role: nameOf(role),
      usedBy: [...new Set(users.filter(({ target }) => target === role).map(({ user }) => user))],
      assumedBy: [...new Set(statementsOf(assumed).flatMap((each) => principalsOf(each, reader)))],
      managed: managedOf(role, policies, reader),
      permissions: [...own, ...attached].flatMap((each) => permissionsIn(each, reader, place)),
    }
  })
  return [...roles, ...strays(policies, reader, place)]
}

interface Policy {
  readonly at: Located
  readonly roles: readonly Located[]
  /** Roles that no stack has, as text. */
  readonly others: readonly string[]
  readonly document: TemplateValue | undefined
}

const POLICY_TYPES = ['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::RolePolicy']

/** A policy names its roles, or a role names the policy. */
function policiesOf(at: Located, known: readonly Located[], reader: Reader): Policy[] {
  if (!POLICY_TYPES.includes(at.resource.Type)) return []
  const { PolicyDocument, Roles, RoleName, Users, Groups } = at.resource.Properties ?? {}
  const holders = [Roles, RoleName, Users, Groups].flatMap(listOf)
  const found = holders.map((each) => ({ each, located: reader.pointsAt(each, at.stack) }))
  const others = found.filter(({ located }) => located.length === 0).map(({ each }) => reader.text(each))
  const naming = known.filter(({ stack, resource }) =>
    reader.pointsAt(resource.Properties?.['ManagedPolicyArns'], stack).includes(at),
  )
  const roles = new Set([...found.flatMap(({ located }) => located), ...naming])
  return [{ at, roles: [...roles], others, document: PolicyDocument }]
}

/** Policies of roles that stand in no stack: they are shown by the role's name. */
function strays(policies: readonly Policy[], reader: Reader, place: Place): RolePermissions[] {
  return policies.flatMap(({ at, others, roles, document }) =>
    (others.length + roles.length === 0 ? [nameOf(at)] : others).map((role) => ({
      stack: at.stack,
      role,
      usedBy: [],
      assumedBy: [],
      managed: [],
      permissions: permissionsIn(document, reader, place),
    })),
  )
}

/** Policies of AWS, by name. Those of the stacks themselves are read above. */
function managedOf({ stack, resource }: Located, policies: readonly Policy[], reader: Reader): string[] {
  return listOf(resource.Properties?.['ManagedPolicyArns']).flatMap((arn) => {
    const own = reader.pointsAt(arn, stack)
    if (own.some((each) => policies.some(({ at }) => at === each))) return []
    return [reader.text(arn).replace(/^.*:policy\//, '')]
  })
}

interface Use {
  readonly target: Located
  readonly user: string
}

/** Who has a role: whatever points at it, an instance by way of its profile. */
function usesOf(at: Located, reader: Reader): Use[] {
  if (at.resource.Type.startsWith('AWS::IAM::')) return []
  const user = `${kindOf(at.resource.Type)} ${nameOf(at)}`
  return Object.values(at.resource.Properties ?? {})
    .flatMap((value) => reader.pointsAt(value, at.stack))
    .flatMap((target) => [
      target,
      ...(target.resource.Type === 'AWS::IAM::InstanceProfile'
        ? reader.pointsAt(target.resource.Properties?.['Roles'], target.stack)
        : []),
    ])
    .filter(({ resource }) => resource.Type === 'AWS::IAM::Role')
    .map((target) => ({ target, user }))
}

/** `AWS::EC2::FlowLog` -> `flow log` */
function kindOf(type: string): string {
  const [last = type] = type.split('::').slice(-1)
  return last.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
}

function nameOf({ id, resource }: Located): string {
  return fixedName(resource) ?? plainId(id)
}

function statementsOf(document: TemplateValue | undefined): TemplateObject[] {
  return listOf(isObject(document) ? document['Statement'] : undefined).filter(isObject)
}

function principalsOf({ Principal }: TemplateObject, reader: Reader): string[] {
  if (!isObject(Principal)) return [reader.text(Principal)]
  return Object.values(Principal).flatMap((each) => listOf(each).map(reader.text))
}

function permissionsIn(document: TemplateValue | undefined, reader: Reader, place: Place): Permission[] {
  return statementsOf(document).map((statement) => {
    const { Effect, Action, NotAction, Resource, NotResource, Condition } = statement
    const effect = Effect === 'Deny' ? 'deny' : 'allow'
    const actions = [...listOf(Action).map(reader.text), ...listOf(NotAction).map((each) => `but ${reader.text(each)}`)]
    const resources = [
      ...listOf(Resource).map((each) => shortened(reader.text(each), place)),
      ...listOf(NotResource).map((each) => `but ${shortened(reader.text(each), place)}`),
    ]
    const condition = isObject(Condition) ? conditionText(Condition, reader) : undefined
    const wide = [...actions, ...resources].some(isWide)
    const where = [...new Set(resources)].map((each) => (isWide(each) ? marked(each) : each)).join(', ')
    const text = `${effect === 'deny' ? 'never ' : ''}${wordsOf(actions)} on ${where}${condition ? `, if ${condition}` : ''}`
    return { effect, actions, resources, wide, ...(condition === undefined ? {} : { condition }), text }
  })
}

function isWide(text: string): boolean {
  return /[*?]/.test(text) || text.startsWith('but ')
}

function marked(resource: string): string {
  if (resource === '*') return '* (every resource)'
  return resource.startsWith('but ') ? `everything ${resource}` : `${resource} (any)`
}

/** `arn:aws:dynamodb:<region>:<account>:table/x` -> `table/x`, as long as it is of this very place. */
function shortened(text: string, { region, account }: Place): string {
  const [, inRegion, inAccount, rest] = /^arn:[^:]*:[^:]*:([^:]*):([^:]*):(.*)$/s.exec(text) ?? []
  if (rest === undefined) return text.replace(/^:/, '')
  const isHere = ['', '<region>', region].includes(inRegion) && ['', '<account>', account].includes(inAccount)
  return isHere ? rest : text
}

function conditionText(condition: TemplateObject, reader: Reader): string {
  return Object.entries(condition)
    .flatMap(([operator, keys]) =>
      Object.entries(isObject(keys) ? keys : {}).map(([key, value]) => `${key} ${operator} ${reader.text(value)}`),
    )
    .join(' and ')
}

/** Verb and object by action, of what Weirhouse grants; others are shown as they are. */
const WORDS: Readonly<Record<string, readonly [verb: string, object: string]>> = {
  's3:GetObject': ['read', 'objects'],
  's3:PutObject': ['write', 'objects'],
  's3:DeleteObject': ['delete', 'objects'],
  's3:ListBucket': ['list', 'objects'],
  'dynamodb:GetItem': ['read', 'items'],
  'dynamodb:BatchGetItem': ['read', 'items'],
  'dynamodb:Query': ['query', 'items'],
  'dynamodb:Scan': ['scan', 'items'],
  'dynamodb:PutItem': ['write', 'items'],
  'dynamodb:UpdateItem': ['update', 'items'],
  'dynamodb:DeleteItem': ['delete', 'items'],
  'dynamodb:PartiQLInsert': ['insert', 'items'],
  'dynamodb:PartiQLUpdate': ['update', 'items'],
  'dynamodb:DescribeTable': ['describe', 'the table'],
  'kafka-cluster:Connect': ['connect', ''],
  'kafka-cluster:DescribeCluster': ['describe', 'the cluster'],
  'kafka-cluster:ReadData': ['read', 'records'],
  'kafka-cluster:WriteData': ['write', 'records'],
  'kafka-cluster:WriteDataIdempotently': ['write idempotently', ''],
  'kafka-cluster:CreateTopic': ['create', 'topics'],
  'kafka-cluster:DescribeTopic': ['describe', 'topics'],
  'kafka-cluster:AlterTopic': ['alter', 'topics'],
  'kafka-cluster:DeleteTopic': ['delete', 'topics'],
  'kafka-cluster:DescribeTopicDynamicConfiguration': ['describe', 'settings of topics'],
  'kafka-cluster:AlterTopicDynamicConfiguration': ['alter', 'settings of topics'],
  'kafka-cluster:DescribeGroup': ['describe', 'consumer groups'],
  'kafka-cluster:AlterGroup': ['commit for', 'consumer groups'],
  'logs:CreateLogGroup': ['create', 'log groups'],
  'logs:CreateLogStream': ['create', 'log streams'],
  'logs:DescribeLogStreams': ['describe', 'log streams'],
  'logs:PutLogEvents': ['write', 'logs'],
  'rds-db:connect': ['log in', ''],
  'secretsmanager:GetSecretValue': ['read', 'secrets'],
  'sns:Publish': ['publish', ''],
}

/** `read and write objects, describe the table` */
function wordsOf(actions: readonly string[]): string {
  const byObject = new Map<string, string[]>()
  for (const action of actions) {
    const [verb, object] = WORDS[action] ?? [shownAction(action), '']
    const key = object === '' ? `\n${verb}` : object // without an object each stands by itself
    byObject.set(key, [...new Set([...(byObject.get(key) ?? []), verb])])
  }
  return [...byObject]
    .map(([object, verbs]) => (object.startsWith('\n') ? verbs[0]! : `${joined(verbs)} ${object}`))
    .join(', ')
}

function shownAction(action: string): string {
  if (action.startsWith('but ')) return `everything ${action}`
  return isWide(action) ? `${action} (any)` : action
}

function joined(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`
}
