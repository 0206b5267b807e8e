import { expect, test } from 'vitest'
import { rewriteForMoto } from './moto-rewrite.ts'

const rewritten = (template: object, taught?: readonly string[]) =>
  JSON.parse(rewriteForMoto(JSON.stringify(template), taught)) as Record<string, Record<string, unknown>>

const cluster = { Type: 'AWS::MSK::Cluster', Properties: { ClusterName: 'orders' } }
const ARN = 'arn:aws:kafka:us-east-1:123456789012:cluster/orders/6f1c2a3b-0000-4000-8000-000000000000-1'

test('what moto does not know becomes a parameter of the same id, which tells what it was', () => {
  const { Resources } = rewritten({ Resources: { Cluster: { ...cluster, DependsOn: ['Log'] } } })
  expect(Resources).toEqual({
    Cluster: {
      Type: 'AWS::SSM::Parameter',
      Properties: {
        Type: 'String',
        Value: 'AWS::MSK::Cluster',
        Name: { 'Fn::Sub': '/stand-in/${AWS::StackName}/Cluster' },
      },
      DependsOn: ['Log'],
    },
  })
})

test.each([
  [{ Ref: 'Cluster' }, ARN],
  [{ 'Fn::GetAtt': ['Cluster', 'Arn'] }, ARN],
  [{ 'Fn::GetAtt': 'Cluster.Arn' }, ARN],
  [{ 'Fn::GetAtt': ['Settings', 'LatestRevision.Revision'] }, '1'],
  [{ 'Fn::GetAtt': 'Settings.LatestRevision.Revision' }, '1'],
  [{ Ref: 'Key' }, 'people'],
  [{ 'Fn::GetAtt': ['Key', 'KeyPairId'] }, 'key-0a1b2c3d'],
  [{ 'Fn::GetAtt': ['Alarm', 'Arn'] }, 'arn:aws:cloudwatch:us-east-1:123456789012:alarm:Alarm'],
  [{ 'Fn::GetAtt': ['Alarm', 'Other'] }, 'Alarm.Other'],
  [{ 'Fn::GetAtt': ['Database', 'DbiResourceId'] }, 'db-ABCDEFGHIJKLMNOPQRSTUVWXYZ'],
  [{ 'Fn::GetStackOutput': { StackName: 'network', OutputName: 'Nat' } }, 'network.Nat'],
])('a reference %j becomes %j, wherever it stands', (reference, text) => {
  const { Resources, Outputs } = rewritten({
    Resources: {
      Cluster: cluster,
      Settings: { Type: 'AWS::MSK::Configuration', Properties: { Name: 'settings' } },
      Key: { Type: 'AWS::EC2::KeyPair', Properties: { KeyName: 'people' } },
      Alarm: { Type: 'AWS::CloudWatch::Alarm', Properties: {} },
      Database: { Type: 'AWS::RDS::DBInstance', Properties: {} },
      Function: { Type: 'AWS::Lambda::Function', Properties: { Deep: [{ 'Fn::Join': ['', ['x', reference]] }] } },
    },
    Outputs: { Exported: { Value: reference, Export: { Name: 'stack:Exported' } } },
  })
  expect(Outputs).toEqual({ Exported: { Value: text, Export: { Name: 'stack:Exported' } } })
  expect(Resources!['Function']).toMatchObject({ Properties: { Deep: [{ 'Fn::Join': ['', ['x', text]] }] } })
})

test('what moto knows stays as it is, and so does what it has been taught', () => {
  const template = {
    Description: 'kept',
    Parameters: { Range: { Type: 'String', AllowedPattern: '.*' } },
    Resources: {
      Bucket: { Type: 'AWS::S3::Bucket', DeletionPolicy: 'Retain' },
      Policy: { Type: 'AWS::S3::BucketPolicy', Properties: { Bucket: { Ref: 'Bucket' } } },
      Table: { Type: 'AWS::DynamoDB::Table', Properties: { Imported: { 'Fn::ImportValue': 'a:b' } } },
    },
    Outputs: { Arn: { Value: { 'Fn::GetAtt': ['Bucket', 'Arn'] } } },
  }
  expect(rewritten(template, ['AWS::S3::BucketPolicy'])).toEqual(template)
})

test('a parameter that AWS looks up holds its value, and the database loses what moto stumbles over', () => {
  const { Parameters, Resources } = rewritten({
    Parameters: {
      Image: { Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: '/aws/service/ami' },
      Bootstrap: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/cdk-bootstrap/version', Description: 'x' },
    },
    Resources: {
      Database: { Type: 'AWS::RDS::DBInstance', Properties: { DBParameterGroupName: { Ref: 'Group' }, Port: '5432' } },
    },
  })
  expect(Parameters).toEqual({
    Image: { Type: 'String', Default: expect.stringMatching(/^ami-/) as string },
    Bootstrap: { Type: 'String', Default: '30', Description: 'x' },
  })
  expect(Resources!['Database']).toEqual({ Type: 'AWS::RDS::DBInstance', Properties: { Port: '5432' } })
})
