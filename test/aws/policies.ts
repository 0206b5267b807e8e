/** What a role may do, as synthesized templates say, in the symbols of reachability.ts. */
import type { World } from './reachability.ts'

interface Statement {
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: unknown
}

export interface Allowed {
  readonly actions: readonly string[]
  readonly resource: string
  readonly condition?: unknown
}

/** Every statement of the inline policies of the one role whose id begins so; managed ones make it fail. */
export function allowedTo(world: World, role: string): Allowed[] {
  const roles = world.resources.filter(({ id, type }) => type === 'AWS::IAM::Role' && id.startsWith(role))
  if (roles.length !== 1) throw new Error(`${roles.length} roles are named like "${role}"`)
  const [{ id, properties }] = roles as [World['resources'][number]]
  if ('ManagedPolicyArns' in properties || 'Policies' in properties) throw new Error(`${id} has other policies too`)
  return world.resources
    .filter(({ type, properties: policy }) => type === 'AWS::IAM::Policy' && (policy['Roles'] as string[]).includes(id))
    .flatMap(({ properties: policy }) => (policy['PolicyDocument'] as unknown as { Statement: Statement[] }).Statement)
    .flatMap(({ Action, Resource, Condition }) =>
      [Resource].flat().map((resource) => ({
        actions: [Action].flat(),
        resource: short(resource),
        ...(Condition === undefined ? {} : { condition: Condition }),
      })),
    )
}

/** Without the sums that CloudFormation's ids end with. */
function short(resource: string): string {
  return resource.replaceAll(/(\/[A-Za-z]+?)[0-9A-F]{8}(?=[./ ]|$)/g, '$1')
}
