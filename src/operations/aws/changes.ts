/** What a deployment would do to what stands: resource by resource, from templates, by AWS's own comparison. */
import { optionalModule } from '../../config/optional-module.ts'
import type { Template } from './stacks.ts'

export type ChangeKind = 'create' | 'update' | 'replace' | 'maybe replace' | 'destroy' | 'leave'

export interface Change {
  readonly stackName: string
  readonly id: string
  readonly type: string
  /** leave: it goes from the stack, and stays in the account. */
  readonly kind: ChangeKind
  /** Whether records would be gone with it. */
  readonly holdsData: boolean
}

/** Types in which records stand, or that keep them. */
const HOLDING = new Set([
  'AWS::MSK::Cluster',
  'AWS::MSK::Topic',
  'AWS::RDS::DBInstance',
  'AWS::S3::Bucket',
  'AWS::DynamoDB::Table',
])

/** `after` undefined: the stack goes. Sorted by what cannot be undone first. */
export async function changesOf(
  stackName: string,
  before: Template | undefined,
  after: Template | undefined,
): Promise<Change[]> {
  const { fullDiff, ResourceImpact } = await optionalModule(
    '@aws-cdk/cloudformation-diff',
    'comparing with what stands',
    () => import('@aws-cdk/cloudformation-diff'),
  )
  const kinds: Readonly<Record<string, ChangeKind>> = {
    [ResourceImpact.WILL_CREATE]: 'create',
    [ResourceImpact.WILL_UPDATE]: 'update',
    [ResourceImpact.WILL_REPLACE]: 'replace',
    [ResourceImpact.MAY_REPLACE]: 'maybe replace',
    [ResourceImpact.WILL_DESTROY]: 'destroy',
    [ResourceImpact.WILL_ORPHAN]: 'leave',
  }
  const changes: Change[] = []
  fullDiff({ ...before }, { ...after }).resources.forEachDifference((id, difference) => {
    const kind = kinds[difference.changeImpact]
    const type = difference.newResourceType ?? difference.oldResourceType ?? ''
    if (kind !== undefined) changes.push({ stackName, id, type, kind, holdsData: HOLDING.has(type) })
  })
  return changes.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.id < b.id ? -1 : 1))
}

const ORDER: readonly ChangeKind[] = ['destroy', 'replace', 'maybe replace', 'leave', 'update', 'create']

/** What somebody should have agreed to. */
export function isGrave({ kind }: Change): boolean {
  return kind === 'destroy' || kind === 'replace' || kind === 'maybe replace'
}
