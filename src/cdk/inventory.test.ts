import { expect, test } from 'vitest'
import { specApp, templatesOf } from '../../test/aws/spec-app.ts'
import { countOf, inventoryOf } from './inventory.ts'
import type { StackResources, TemplateResource } from './synthesized.ts'

const stackOf = (resources: Record<string, TemplateResource>): StackResources => ({
  name: 'Store',
  stackName: 'weirhouse-e-store',
  resources,
})

test('the stacks of the specification: counts, names that are fixed, and the cluster is kept', () => {
  const stacks = Object.entries(templatesOf(specApp().stacks)).map(([name, { Resources = {} }]) => ({
    name,
    stackName: name,
    resources: Resources as StackResources['resources'],
  }))
  const [network, stream] = inventoryOf(stacks)
  expect(network!.resources).toContainEqual({
    type: 'AWS::EC2::VPC',
    count: 1,
    names: ['virtual-private-cloud-lambda'],
  })
  expect(network!.resources[0]).toMatchObject({ type: 'AWS::EC2::Subnet', count: 4 })
  expect(network!.count).toBe(Object.keys(stacks[0]!.resources).length)
  expect(network!.data).toEqual([])
  expect(stream!.data).toEqual([
    { type: 'AWS::MSK::Cluster', name: 'weirhouse', fate: 'kept' },
    { type: 'AWS::MSK::Topic', name: 'demo_topic', fate: 'kept' },
  ])
  expect(countOf(stacks, 'AWS::EC2::Instance')).toBe(2)
})

test.each<[string, Partial<TemplateResource>, string | undefined]>([
  ['AWS::S3::Bucket', { DeletionPolicy: 'Retain' }, 'kept'],
  ['AWS::S3::Bucket', { DeletionPolicy: 'RetainExceptOnCreate' }, 'kept'],
  ['AWS::S3::Bucket', { DeletionPolicy: 'Delete' }, 'destroyed'],
  ['AWS::DynamoDB::Table', {}, 'destroyed'],
  ['AWS::RDS::DBInstance', {}, 'snapshot'],
  ['AWS::RDS::DBInstance', { Properties: { DBClusterIdentifier: 'c' } }, 'destroyed'],
  ['AWS::RDS::DBInstance', { DeletionPolicy: 'Delete' }, 'destroyed'],
  ['AWS::RDS::DBInstance', { DeletionPolicy: 'Snapshot' }, 'snapshot'],
  ['AWS::EC2::Subnet', { DeletionPolicy: 'Retain' }, undefined],
])('%s with %j: %s when the stack goes', (Type, more, fate) => {
  const [stack] = inventoryOf([stackOf({ RecordBucketA1B2C3D4: { Type, ...more } })])
  expect(stack!.data.map((each) => each.fate)).toEqual(fate === undefined ? [] : [fate])
  if (fate !== undefined) expect(stack!.data[0]!.name).toBe('RecordBucket')
})

test('what the CDK adds for itself is not counted', () => {
  const [stack] = inventoryOf([stackOf({ CDKMetadata: { Type: 'AWS::CDK::Metadata' } })])
  expect(stack).toMatchObject({ count: 0, resources: [] })
})
