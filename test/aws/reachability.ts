/**
 * Who reaches whom, by the routes, groups and public addresses of synthesized templates. Pure: a reading of JSON.
 * Values that only a deployment knows become symbols, such as `Network/NetworkVpc` or `Access/SshRange`, and are compared as such.
 */
import { contains, parseCidr } from '../../src/cdk/cidr.ts'

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type Properties = { readonly [key: string]: Json }

export interface TemplateBody {
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly Properties?: Properties }>>
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json; readonly Export?: { readonly Name: Json } }>>
}

interface Resource {
  /** `Stack/LogicalId`, or the same with an attribute where it is pointed at. */
  readonly id: string
  readonly type: string
  readonly properties: Properties
}

/** One rule of a group, whichever way it was written. A peer is a group's id or a range. */
interface Rule {
  readonly group: string
  readonly direction: 'in' | 'out'
  readonly peer: string
  readonly protocol: string
  readonly from: number
  readonly to: number
}

/** What can send or receive: where it is, which groups it has, whether the internet knows its address. */
export interface Endpoint {
  readonly id: string
  readonly subnets: readonly string[]
  readonly groups: readonly string[]
  readonly hasPublicAddress: boolean
}

export interface World {
  readonly resources: readonly Resource[]
  readonly rules: readonly Rule[]
}

/** Why not, or the way taken. */
export interface Answer {
  readonly reached: boolean
  readonly because: string
}

/** Somebody outside, at these addresses: a range, or a symbol for a range that is answered at deployment. */
export interface Outside {
  readonly range: string
}

/** Reads templates, given by the name of their stack. */
export function worldOf(templates: Readonly<Record<string, TemplateBody>>): World {
  const exported = new Map<string, string>()
  for (const [stack, { Outputs = {} }] of Object.entries(templates))
    for (const { Value, Export } of Object.values(Outputs))
      if (typeof Export?.Name === 'string') exported.set(Export.Name, symbolOf(Value, stack, exported))
  const resources = Object.entries(templates).flatMap(([stack, { Resources = {} }]) =>
    Object.entries(Resources).map(([id, { Type, Properties = {} }]) => ({
      id: `${stack}/${id}`,
      type: Type,
      properties: resolved(Properties, stack, exported) as Properties,
    })),
  )
  return { resources, rules: resources.flatMap(rulesOf) }
}

const READERS: Readonly<Record<string, (resource: Resource, world: World) => Endpoint>> = {
  'AWS::EC2::Instance': instance,
  'AWS::MSK::Cluster': brokers,
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::RDS::DBInstance': database,
}

/** The host, brokers, function or database whose id contains `part`. Throws where there is not exactly one. */
export function endpoint(world: World, part: string): Endpoint {
  const found = world.resources.filter(({ id, type }) => type in READERS && id.includes(part))
  const [one] = found
  if (one === undefined || found.length > 1) throw new Error(`${found.length} endpoints are named like "${part}"`)
  return READERS[one.type]!(one, world)
}

/** Whether a TCP connection from one place to another comes to be. */
export function reach(world: World, from: Endpoint | Outside, to: Endpoint, port: number): Answer {
  if ('range' in from) {
    if (!to.hasPublicAddress) return no(`${to.id} has no public address`)
    const closed = to.subnets.find((subnet) => !leadsOut(world, subnet, 'GatewayId', 'AWS::EC2::InternetGateway'))
    if (closed !== undefined) return no(`${closed} has no route to an internet gateway`)
    return admitted(world, to, from.range, [], port)
  }
  const leaves = world.rules.some(
    (rule) =>
      rule.direction === 'out' &&
      from.groups.includes(rule.group) &&
      covers(rule, port) &&
      (rule.peer === '0.0.0.0/0' || to.groups.includes(rule.peer)),
  )
  if (!leaves) return no(`no rule lets ${from.id} send to port ${port}`)
  return admitted(world, to, undefined, from.groups, port) // within one VPC every subnet has a route to every other
}

/** Whether a TCP connection to anywhere on the internet comes to be: a rule lets it out, and each subnet leads there by NAT. */
export function reachInternet(world: World, from: Endpoint, port: number): Answer {
  const leaves = world.rules.find(
    (rule) =>
      rule.direction === 'out' && from.groups.includes(rule.group) && covers(rule, port) && rule.peer === '0.0.0.0/0',
  )
  if (!leaves) return no(`no rule lets ${from.id} send to port ${port}`)
  const closed = from.subnets.find((subnet) => !leadsOutByNat(world, subnet))
  if (closed !== undefined || from.subnets.length === 0) return no(`${closed ?? from.id} has no way out by NAT`)
  return { reached: true, because: `${leaves.group} lets out to ${leaves.peer}` }
}

/** Whether a subnet reaches the internet without being reached: its default route goes to a NAT gateway that has a way out. */
export function leadsOutByNat(world: World, subnet: string): boolean {
  const nat = leadsOut(world, subnet, 'NatGatewayId', 'AWS::EC2::NatGateway')
  return (
    nat !== undefined && leadsOut(world, text(nat, 'SubnetId'), 'GatewayId', 'AWS::EC2::InternetGateway') !== undefined
  )
}

function admitted(
  world: World,
  to: Endpoint,
  range: string | undefined,
  groups: readonly string[],
  port: number,
): Answer {
  const rule = world.rules.find(
    (each) =>
      each.direction === 'in' &&
      to.groups.includes(each.group) &&
      covers(each, port) &&
      (groups.includes(each.peer) || (range !== undefined && isWithin(range, each.peer))),
  )
  if (rule) return { reached: true, because: `${rule.group} takes ${rule.from}-${rule.to} from ${rule.peer}` }
  return no(`no rule of ${to.groups.join(', ')} takes port ${port} from ${range ?? groups.join(', ')}`)
}

function no(because: string): Answer {
  return { reached: false, because }
}

/** The target of a subnet's default route, if it is of that type. */
function leadsOut(world: World, subnet: string, property: string, type: string): Resource | undefined {
  const table = world.resources.find(
    (each) => each.type === 'AWS::EC2::SubnetRouteTableAssociation' && each.properties['SubnetId'] === subnet,
  )
  if (!table) return undefined
  const route = world.resources.find(
    (each) =>
      each.type === 'AWS::EC2::Route' &&
      each.properties['RouteTableId'] === table.properties['RouteTableId'] &&
      each.properties['DestinationCidrBlock'] === '0.0.0.0/0',
  )
  const target = route?.properties[property]
  return world.resources.find((each) => each.type === type && each.id === target)
}

function instance({ id, properties }: Resource): Endpoint {
  const [face] = (properties['NetworkInterfaces'] ?? []) as readonly Properties[]
  const at = face ?? properties
  const groups = (face ? face['GroupSet'] : properties['SecurityGroupIds']) as readonly string[]
  const hasPublicAddress = face?.['AssociatePublicIpAddress'] === true
  return { id, subnets: [at['SubnetId'] as string], groups: groups.map(groupId), hasPublicAddress }
}

function brokers({ id, properties }: Resource): Endpoint {
  const info = properties['BrokerNodeGroupInfo'] as Properties
  const access = (info['ConnectivityInfo'] as Properties | undefined)?.['PublicAccess'] as Properties | undefined
  return {
    id,
    subnets: info['ClientSubnets'] as readonly string[],
    groups: (info['SecurityGroups'] as readonly string[]).map(groupId),
    hasPublicAddress: access !== undefined && access['Type'] !== 'DISABLED',
  }
}

/** Without a place in the VPC it has no subnets and no groups, and reaches nothing within. */
function lambdaFunction({ id, properties }: Resource): Endpoint {
  const { SubnetIds = [], SecurityGroupIds = [] } = (properties['VpcConfig'] ?? {}) as Record<string, string[]>
  return { id, subnets: SubnetIds, groups: SecurityGroupIds.map(groupId), hasPublicAddress: false }
}

function database({ id, properties }: Resource, world: World): Endpoint {
  const group = world.resources.find((each) => each.id === properties['DBSubnetGroupName'])
  return {
    id,
    subnets: (group?.properties['SubnetIds'] ?? []) as readonly string[],
    groups: ((properties['VPCSecurityGroups'] ?? []) as readonly string[]).map(groupId),
    hasPublicAddress: properties['PubliclyAccessible'] !== false,
  }
}

function rulesOf({ id, type, properties }: Resource): Rule[] {
  const inline = (direction: Rule['direction'], key: string) =>
    ((properties[key] ?? []) as readonly Properties[]).map((rule) => toRule(id, direction, rule))
  if (type === 'AWS::EC2::SecurityGroup')
    return [...inline('in', 'SecurityGroupIngress'), ...inline('out', 'SecurityGroupEgress')]
  if (type === 'AWS::EC2::SecurityGroupIngress') return [toRule(text({ properties }, 'GroupId'), 'in', properties)]
  if (type === 'AWS::EC2::SecurityGroupEgress') return [toRule(text({ properties }, 'GroupId'), 'out', properties)]
  return []
}

function toRule(group: string, direction: Rule['direction'], rule: Properties): Rule {
  const peer = rule['CidrIp'] ?? rule['SourceSecurityGroupId'] ?? rule['DestinationSecurityGroupId']
  return {
    group: groupId(group),
    direction,
    peer: groupId(peer as string),
    protocol: rule['IpProtocol'] as string,
    from: Number(rule['FromPort'] ?? 0),
    to: Number(rule['ToPort'] ?? 65_535),
  }
}

function covers({ protocol, from, to }: Rule, port: number): boolean {
  return protocol === '-1' || (protocol === 'tcp' && from <= port && port <= to)
}

/** A symbol is within itself and within everything; a range within what contains it. */
function isWithin(range: string, peer: string): boolean {
  if (range === peer || peer === '0.0.0.0/0') return true
  if (!/^\d/.test(range) || !/^\d/.test(peer)) return false
  return contains(parseCidr(peer, 'rule'), parseCidr(range, 'outside'))
}

function text({ properties }: Pick<Resource, 'properties'>, key: string): string {
  return properties[key] as string
}

/** A group is pointed at by its attribute GroupId; its rules stand under its own id. */
function groupId(symbol: string): string {
  return symbol.replace(/\.GroupId$/, '')
}

function resolved(value: Json, stack: string, exported: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) return value.map((each: Json) => resolved(each, stack, exported))
  if (typeof value !== 'object' || value === null) return value
  const [[key] = [''], more] = Object.entries(value)
  if (more === undefined && (key === 'Ref' || key.startsWith('Fn::'))) return symbolOf(value, stack, exported)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolved(each, stack, exported)]))
}

/** What is put together at deployment is put together here too, of symbols. */
function symbolOf(value: Json, stack: string, exported: ReadonlyMap<string, string>): string {
  if (typeof value === 'string') return value
  const symbol = (each: Json) => symbolOf(each, stack, exported)
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::ImportValue': name, ...rest } = value as Properties
  if (typeof Ref === 'string') return Ref.startsWith('AWS::') ? `<${Ref}>` : `${stack}/${Ref}`
  if (Array.isArray(attribute)) return `${stack}/${attribute.join('.')}`
  if (typeof name === 'string') return exported.get(name) ?? `import of ${name}`
  const { 'Fn::Join': join, 'Fn::Select': select } = rest as Record<string, readonly [Json, Properties] | undefined>
  if (join) return (join[1] as unknown as readonly Json[]).map(symbol).join(join[0] as string)
  const split = select?.[1]['Fn::Split'] as readonly Json[] | undefined
  if (split) return `<${symbol(split[1]!)} part ${select![0] as number}>`
  return JSON.stringify(value)
}
