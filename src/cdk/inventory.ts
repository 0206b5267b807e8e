/** What the stacks of an environment hold, read from their templates: counts, names, and what becomes of data. Pure. */
import { fixedName, plainId } from './readable.ts'
import type { StackResources, TemplateResource } from './synthesized.ts'

export interface ResourceCount {
  /** `AWS::EC2::Subnet` */
  readonly type: string
  readonly count: number
  /** Of those that have one in the template. */
  readonly names: readonly string[]
}

export interface DataResource {
  readonly type: string
  readonly name: string
  /** When the stack is deleted: kept; deleted after a last backup; gone. */
  readonly fate: 'kept' | 'snapshot' | 'destroyed'
}

export interface StackInventory {
  readonly name: string
  readonly stackName: string
  readonly count: number
  /** Most first. */
  readonly resources: readonly ResourceCount[]
  readonly data: readonly DataResource[]
}

/** What holds records or what came of them. Logs are no data: they come anew. */
const DATA_TYPES = [
  'AWS::MSK::Cluster',
  'AWS::MSK::Topic',
  'AWS::S3::Bucket',
  'AWS::DynamoDB::Table',
  'AWS::DynamoDB::GlobalTable',
  'AWS::RDS::DBInstance',
  'AWS::RDS::DBCluster',
  'AWS::KMS::Key',
]

export function inventoryOf(stacks: readonly StackResources[]): StackInventory[] {
  return stacks.map(({ name, stackName, resources }) => {
    const entries = Object.entries(resources).filter(([, { Type }]) => Type !== 'AWS::CDK::Metadata')
    const types = [...new Set(entries.map(([, { Type }]) => Type))]
    const counts = types.map((type) => {
      const those = entries.map(([, resource]) => resource).filter(({ Type }) => Type === type)
      return { type, count: those.length, names: those.map(fixedName).filter((each) => each !== undefined) }
    })
    const data = entries
      .filter(([, { Type }]) => DATA_TYPES.includes(Type))
      .map(([id, resource]) => ({
        type: resource.Type,
        name: fixedName(resource) ?? plainId(id),
        fate: fateOf(resource),
      }))
    return { name, stackName, count: entries.length, resources: counts.sort((a, b) => b.count - a.count), data }
  })
}

/** How many resources of a type the stacks hold. */
export function countOf(stacks: readonly StackResources[], type: string): number {
  return stacks.flatMap(({ resources }) => Object.values(resources)).filter(({ Type }) => Type === type).length
}

/** CloudFormation: where nothing is said it deletes; a database that stands alone it backs up first. */
function fateOf({ Type, Properties = {}, DeletionPolicy }: TemplateResource): DataResource['fate'] {
  const alone = Type === 'AWS::RDS::DBInstance' && Properties['DBClusterIdentifier'] === undefined
  const policy = DeletionPolicy ?? (alone || Type === 'AWS::RDS::DBCluster' ? 'Snapshot' : 'Delete')
  if (policy === 'Delete') return 'destroyed'
  return policy === 'Snapshot' ? 'snapshot' : 'kept'
}
