/**
 * Makes a template one that moto's CloudFormation takes: what it does not know becomes a parameter of the same logical id, and
 * what refers to that becomes text such as AWS would give. Pure.
 */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

interface Resource {
  readonly Type: string
  readonly Properties?: JsonObject
  readonly DependsOn?: Json
}

interface StandIn {
  readonly ref: string
  /** Attributes that are more than text, or of a shape that something takes apart. */
  readonly attributes: Readonly<Record<string, string>>
}

const ARN = 'arn:aws:kafka:us-east-1:123456789012'
const UUID = '6f1c2a3b-0000-4000-8000-000000000000'

/** Types that moto's CloudFormation does not know, with what AWS would answer for them. */
const STAND_INS: Readonly<Record<string, (id: string, properties: JsonObject) => StandIn>> = {
  'AWS::CloudWatch::Alarm': named('AlarmName', (name) => `arn:aws:cloudwatch:us-east-1:123456789012:alarm:${name}`),
  'AWS::EC2::KeyPair': (id, properties) => ({
    ref: textOf(properties, 'KeyName') ?? id,
    attributes: { KeyPairId: 'key-0a1b2c3d' },
  }),
  'AWS::EC2::SecurityGroupEgress': plain,
  'AWS::Lambda::EventSourceMapping': () => ({ ref: UUID, attributes: { Id: UUID } }), // known, but not of Kafka
  'AWS::MSK::Cluster': byArn('ClusterName', 'cluster'),
  'AWS::MSK::Configuration': (id, properties) => {
    const { ref, attributes } = byArn('Name', 'configuration')(id, properties)
    return { ref, attributes: { ...attributes, 'LatestRevision.Revision': '1' } }
  },
  'AWS::MSK::Topic': byArn('TopicName', 'topic'),
  'AWS::S3::BucketPolicy': plain,
  'AWS::SNS::Subscription': plain,
  'AWS::SNS::TopicPolicy': plain,
}

/** Attributes that moto's CloudFormation leaves out of a type that it has. */
const ATTRIBUTES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'AWS::RDS::DBInstance': {
    DbiResourceId: 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    'MasterUserSecret.SecretArn': 'arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-0a1b2c3d-AbCdEf',
  },
}

/** Properties that moto's CloudFormation stumbles over: it hands the parameter group itself on, where its name belongs. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = { 'AWS::RDS::DBInstance': ['DBParameterGroupName'] }

/** Which types are stood in for: a test asks moto whether that still has to be. */
export const stoodIn: readonly string[] = Object.keys(STAND_INS)

/** The template, both as JSON. Types in `taught` stay: whoever runs moto has taught it those. */
export function rewriteForMoto(template: string, taught: readonly string[] = []): string {
  const body = JSON.parse(template) as JsonObject
  const resources = (body['Resources'] ?? {}) as unknown as Readonly<Record<string, Resource>>
  const answers = new Map<string, StandIn>()
  for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
    const standIn = taught.includes(Type) ? undefined : STAND_INS[Type]?.(id, Properties)
    if (standIn) answers.set(id, standIn)
  }
  const known = Object.entries(resources).map(([id, resource]) => [
    id,
    answers.has(id) ? parameter(id, resource) : answered(without(resource) as unknown as Json, resources, answers),
  ])
  const { Resources: _, Parameters = {}, Outputs, ...rest } = body
  return JSON.stringify({
    ...rest,
    Parameters: Object.fromEntries(Object.entries(Parameters as JsonObject).map(([id, each]) => [id, literal(each)])),
    Resources: Object.fromEntries(known) as JsonObject,
    ...(Outputs === undefined ? {} : { Outputs: answered(Outputs, resources, answers) }),
  })
}

/** Every reference to what moto has not, as text. */
function answered(
  value: Json,
  resources: Readonly<Record<string, Resource>>,
  answers: ReadonlyMap<string, StandIn>,
): Json {
  if (Array.isArray(value)) return value.map((each: Json) => answered(each, resources, answers))
  if (typeof value !== 'object' || value === null) return value
  const object = value as JsonObject
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::GetStackOutput': output } = object
  if (typeof ref === 'string') return answers.get(ref)?.ref ?? value
  if (output !== undefined) {
    return `${textOf(output as JsonObject, 'StackName')}.${textOf(output as JsonObject, 'OutputName')}`
  }
  if (attribute !== undefined) {
    const [id, name] = (typeof attribute === 'string' ? split(attribute) : attribute) as [string, string]
    const standIn = answers.get(id)
    if (standIn) return standIn.attributes[name] ?? `${standIn.ref}.${name}`
    return ATTRIBUTES[resources[id]?.Type ?? '']?.[name] ?? value
  }
  return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, answered(each, resources, answers)]))
}

function split(attribute: string): [string, string] {
  const dot = attribute.indexOf('.')
  return [attribute.slice(0, dot), attribute.slice(dot + 1)]
}

function without(resource: Resource): Resource {
  const unwanted = LEFT_OUT[resource.Type]
  if (!unwanted || !resource.Properties) return resource
  const kept = Object.entries(resource.Properties).filter(([name]) => !unwanted.includes(name))
  return { ...resource, Properties: Object.fromEntries(kept) }
}

/** In place of a resource: it keeps the logical id, and what it was can be read in it. */
function parameter(id: string, { Type, DependsOn }: Resource): JsonObject {
  return {
    Type: 'AWS::SSM::Parameter',
    Properties: { Type: 'String', Value: Type, Name: { 'Fn::Sub': `/stand-in/\${AWS::StackName}/${id}` } },
    ...(DependsOn === undefined ? {} : { DependsOn }),
  }
}

/** A parameter that AWS looks up, as one that holds its value: an image that moto has, and a bootstrap new enough. */
function literal(parameter: Json): Json {
  const { Type } = parameter as JsonObject
  if (typeof Type !== 'string' || !Type.startsWith('AWS::SSM::Parameter::Value<')) return parameter
  return { ...(parameter as JsonObject), Type: 'String', Default: Type.includes('Image') ? 'ami-12c6146b' : '30' }
}

function plain(id: string): StandIn {
  return { ref: id, attributes: {} }
}

function named(property: string, arnOf: (name: string) => string): (id: string, properties: JsonObject) => StandIn {
  return (id, properties) => {
    const name = textOf(properties, property) ?? id
    return { ref: name, attributes: { Arn: arnOf(name) } }
  }
}

function byArn(property: string, kind: string): (id: string, properties: JsonObject) => StandIn {
  return (id, properties) => {
    const arn = `${ARN}:${kind}/${textOf(properties, property) ?? id}/${UUID}-1`
    return { ref: arn, attributes: { Arn: arn, [`${kind[0]!.toUpperCase()}${kind.slice(1)}Arn`]: arn } }
  }
}

function textOf(properties: JsonObject, name: string): string | undefined {
  const value = properties[name]
  return typeof value === 'string' ? value : undefined
}
