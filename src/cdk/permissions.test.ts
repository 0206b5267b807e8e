import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { specApp, templatesOf } from '../../test/aws/spec-app.ts'
import { permissionsOf } from './permissions.ts'
import { readerOf } from './readable.ts'
import type { TemplateObject } from './readable.ts'
import type { StackResources, TemplateResource, TemplateValue } from './synthesized.ts'

const stackOf = (resources: Record<string, TemplateResource>, name = 'Process'): StackResources => ({
  name,
  stackName: `weirhouse-e-${name.toLowerCase()}`,
  resources,
})
const policy = (...statements: TemplateObject[]): TemplateValue => ({ Version: '2012-10-17', Statement: statements })
/** A function with one policy. */
const functionWith = (...statements: TemplateObject[]) =>
  stackOf({
    DemoRole11111111: {
      Type: 'AWS::IAM::Role',
      Properties: {
        AssumeRolePolicyDocument: policy({
          Effect: 'Allow',
          Action: 'sts:AssumeRole',
          Principal: { Service: 'lambda.amazonaws.com' },
        }),
      },
    },
    DemoPolicy22222222: {
      Type: 'AWS::IAM::Policy',
      Properties: { Roles: [{ Ref: 'DemoRole11111111' }], PolicyDocument: policy(...statements) },
    },
    DemoFunction33333333: {
      Type: 'AWS::Lambda::Function',
      Properties: { FunctionName: 'demo', Role: { 'Fn::GetAtt': ['DemoRole11111111', 'Arn'] } },
    },
  })
const store = stackOf(
  {
    RecordBucket44444444: { Type: 'AWS::S3::Bucket' },
    LedgerTable55555555: { Type: 'AWS::DynamoDB::Table' },
    LedgerTable55555555Copy: { Type: 'AWS::DynamoDB::Table' },
  },
  'Store',
)
const imported = (output: string) => ({ 'Fn::ImportValue': `weirhouse-e-store:ExportsOutput${output}` })
const linesOf = (...statements: TemplateObject[]) =>
  permissionsOf([store, functionWith(...statements)]).flatMap(({ permissions }) => permissions.map(({ text }) => text))
const allow = (Action: TemplateValue, Resource: TemplateValue): TemplateObject => ({
  Effect: 'Allow',
  Action,
  Resource,
})

describe('the stacks of the specification', () => {
  const stacks = Object.entries(templatesOf(specApp().stacks)).map(([name, { Resources = {} }]) => ({
    name,
    stackName: name,
    resources: Resources as StackResources['resources'],
  }))
  const roles = permissionsOf(stacks)
  const of = (role: string) => roles.find((each) => each.role === role)!

  test('the Kafka host: its instance, the service, the policy of AWS, and what it may do, patterns marked', () => {
    expect(of('AccessKafkaHostRole')).toMatchObject({
      stack: 'Access',
      usedBy: ['instance AccessKafkaHost'],
      assumedBy: ['ec2.amazonaws.com'],
      managed: ['AmazonSSMManagedInstanceCore'],
    })
    expect(of('AccessKafkaHostRole').permissions.map(({ text }) => text)).toEqual([
      'connect, describe the cluster, write idempotently on KafkaCluster',
      'create, describe and alter topics, read and write records, describe and alter settings of topics on topic/KafkaCluster/* (any)',
      'describe and commit for consumer groups on group/KafkaCluster/* (any)',
      'kafka:GetBootstrapBrokers on * (every resource)',
    ])
    expect(of('AccessKafkaHostRole').permissions.map(({ wide }) => wide)).toEqual([false, true, true, true])
  })

  test('a consumer: one topic, one group, nothing wide', () => {
    expect(of('Consumer').permissions.map(({ text }) => text)).toEqual([
      'connect on KafkaCluster',
      'describe topics, read records on topic/KafkaCluster/demo_topic',
      'describe and commit for consumer groups on group/KafkaCluster/demo',
    ])
    expect(of('Consumer').permissions.some(({ wide }) => wide)).toBe(false)
  })

  test('flow logs', () => {
    expect(of('NetworkFlowLogsRole').usedBy).toEqual(['flow log NetworkFlowLogsLog'])
  })
})

describe('a function', () => {
  test('is named, with its role and service', () => {
    expect(permissionsOf([functionWith(allow('s3:GetObject', '*'))])).toMatchObject([
      { role: 'DemoRole', usedBy: ['function demo'], assumedBy: ['lambda.amazonaws.com'] },
    ])
  })

  test.each<[string, TemplateObject, string]>([
    [
      'objects below a prefix, of a bucket in another stack',
      allow(['s3:GetObject', 's3:PutObject'], {
        'Fn::Join': ['', [imported('FnGetAttRecordBucket44444444Arn6F5E4D3C'), '/demo/lake/*']],
      }),
      'read and write objects on RecordBucket/demo/lake/* (any)',
    ],
    [
      'a table by weak reference; the longer of two ids that begin alike',
      allow(['dynamodb:GetItem', 'dynamodb:PutItem'], {
        'Fn::GetStackOutput': {
          StackName: 'weirhouse-e-store',
          OutputName: 'ExportsOutputFnGetAttLedgerTable55555555CopyArn0A1B2C3D',
        },
      }),
      'read and write items on LedgerTable55555555Copy',
    ],
    [
      'an ARN of this very place',
      allow('rds-db:connect', {
        'Fn::Sub':
          'arn:${AWS::Partition}:rds-db:${AWS::Region}:${AWS::AccountId}:dbuser:${DemoFunction33333333.Id}/demo',
      }),
      'log in on dbuser:DemoFunction.Id/demo',
    ],
    [
      'an ARN of another account, whole',
      allow('sqs:SendMessage', 'arn:aws:sqs:eu-west-1:999999999999:queue'),
      'sqs:SendMessage on arn:aws:sqs:eu-west-1:999999999999:queue',
    ],
    ['actions by pattern', allow(['s3:Get*', 's3:PutObject'], 'arn:aws:s3:::b'), 's3:Get* (any), write objects on b'],
    ['everything', allow('*', '*'), '* (any) on * (every resource)'],
    [
      'a denial',
      { Effect: 'Deny', Action: 's3:DeleteObject', Resource: 'arn:aws:s3:::b/*' },
      'never delete objects on b/* (any)',
    ],
    [
      'all but some',
      { Effect: 'Allow', NotAction: 'iam:PassRole', NotResource: 'arn:aws:s3:::b' },
      'everything but iam:PassRole on everything but b',
    ],
    [
      'under a condition',
      {
        ...allow('sns:Publish', { Ref: 'AlarmTopic66666666' }),
        Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
      },
      'publish on AlarmTopic, if aws:SourceAccount StringEquals <account>',
    ],
    [
      'an export that no stack has',
      allow('s3:PutObject', { 'Fn::ImportValue': 'theirs' }),
      'write objects on <theirs>',
    ],
  ])('%s', (_, statement, text) => {
    expect(linesOf(statement)).toEqual([text])
  })

  test('account and region that are stated are of this place as well', () => {
    const place = { region: 'eu-west-1', account: '123456789012' }
    const [role] = permissionsOf(
      [functionWith(allow('dynamodb:PutItem', 'arn:aws:dynamodb:eu-west-1:123456789012:table/demo'))],
      place,
    )
    expect(role!.permissions[0]!.text).toBe('write items on table/demo')
  })

  test('policies within the role, and managed ones of the stack, are read too', () => {
    const stack = stackOf({
      Role: {
        Type: 'AWS::IAM::Role',
        Properties: {
          Policies: [{ PolicyName: 'inline', PolicyDocument: policy(allow('s3:PutObject', 'arn:aws:s3:::b')) }],
          ManagedPolicyArns: [{ Ref: 'Own' }, 'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
        },
      },
      Own: {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: { Roles: [{ Ref: 'Role' }], PolicyDocument: policy(allow('s3:GetObject', 'arn:aws:s3:::b')) },
      },
    })
    expect(permissionsOf([stack])).toMatchObject([
      {
        managed: ['service-role/AWSLambdaBasicExecutionRole'],
        permissions: [{ text: 'write objects on b' }, { text: 'read objects on b' }],
      },
    ])
  })

  test('a managed policy that only the role names is read', () => {
    const stack = stackOf({
      Role: { Type: 'AWS::IAM::Role', Properties: { ManagedPolicyArns: [{ Ref: 'Own' }] } },
      Own: {
        Type: 'AWS::IAM::ManagedPolicy',
        Properties: { PolicyDocument: policy(allow('s3:GetObject', 'arn:aws:s3:::b')) },
      },
    })
    expect(permissionsOf([stack])).toMatchObject([{ role: 'Role', permissions: [{ text: 'read objects on b' }] }])
  })

  test('a policy of a role that stands in no stack is shown by its name', () => {
    const stack = stackOf({
      Extra: {
        Type: 'AWS::IAM::Policy',
        Properties: { Roles: ['theirs'], PolicyDocument: policy(allow('s3:GetObject', '*')) },
      },
    })
    expect(permissionsOf([stack])).toMatchObject([{ role: 'theirs', permissions: [{ wide: true }] }])
  })
})

test('no action, resource or denial is lost, and whatever is wide is marked', () => {
  const name = fc.stringMatching(/^[A-Z][a-z]{2,8}$/)
  const action = fc.tuple(fc.constantFrom('ec2', 'sqs', 'glue'), name, fc.boolean()).map((parts) => {
    const [service, word, wide] = parts
    return `${service}:${word}${wide ? '*' : ''}`
  })
  const resource = fc.tuple(name, fc.boolean()).map(([word, wide]) => `arn:aws:s3:::${word}${wide ? '/*' : ''}`)
  const statement = fc.record({
    Effect: fc.constantFrom('Allow', 'Deny'),
    Action: fc.array(action, { minLength: 1, maxLength: 4 }),
    Resource: fc.array(resource, { minLength: 1, maxLength: 4 }),
  })
  fc.assert(
    fc.property(statement, (given) => {
      const [role] = permissionsOf([functionWith(given)])
      const { text, effect, wide, actions } = role!.permissions[0]!
      expect(actions).toEqual(given.Action)
      for (const each of given.Action) expect(text).toContain(each.endsWith('*') ? `${each} (any)` : each)
      for (const each of given.Resource) {
        const shown = each.replace('arn:aws:s3:::', '')
        expect(text).toContain(each.endsWith('*') ? `${shown} (any)` : shown)
      }
      expect(text.startsWith('never ')).toBe(given.Effect === 'Deny')
      expect(effect).toBe(given.Effect === 'Deny' ? 'deny' : 'allow')
      expect(wide).toBe([...given.Action, ...given.Resource].some((each) => each.includes('*')))
    }),
  )
})

test('intrinsic functions become names, and what is not known is shown as it is', () => {
  const { text } = readerOf([store])
  const known = { 'Fn::Split': [':', 'a:b:c'] }
  const unknown = { 'Fn::Split': [':cluster/', { 'Fn::GetAtt': 'KafkaCluster77777777.Arn' }] }
  expect(text({ 'Fn::Select': [1, known] })).toBe('b')
  expect([0, 1].map((i) => text({ 'Fn::Select': [i, unknown] }))).toEqual(['', 'KafkaCluster'])
  expect(text({ 'Fn::Select': [1, ['a', { Ref: 'AWS::Region' }]] })).toBe('<region>')
  expect(text({ 'Fn::Select': [0, { 'Fn::GetAZs': '' }] })).toBe('<{"Fn::GetAZs":""}>[0]')
  expect(text({ 'Fn::Sub': ['${a}-${!b}-${AWS::Region}', { a: { Ref: 'Queue88888888' } }] })).toBe(
    'Queue-${b}-<region>',
  )
  expect(text({ 'Fn::If': ['IsLarge', 'many', 'few'] })).toBe('many or few')
  expect(text({ 'Fn::FindInMap': ['a', 'b', 'c'] })).toBe('<{"Fn::FindInMap":["a","b","c"]}>')
})
