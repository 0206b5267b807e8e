/** What a sink asks for, as statements on the resources of its store. */
import * as iam from 'aws-cdk-lib/aws-iam'
import type { Pipeline } from '../core/pipeline.ts'
import type { Grant, SinkDefinition, SinkKind } from '../sinks/sink.ts'
import { refuse } from './refuse.ts'

type Resources = Readonly<Partial<Record<Grant['on'], string>>>

/** A statement for each grant on one of `resources`; others are not this store's. */
export function statementsOf({ grants }: SinkDefinition, resources: Resources): iam.PolicyStatement[] {
  return grants.flatMap(({ actions, on }) => {
    const resource = resources[on]
    return resource === undefined ? [] : [new iam.PolicyStatement({ actions: [...actions], resources: [resource] })]
  })
}

/** Refuses a sink that is for another kind of store. */
export function requireKind(what: string, kind: SinkKind, pipeline: Pipeline, sink: SinkDefinition): void {
  if (sink.kind !== kind)
    refuse({
      what: `${what}.bind`,
      got: `${pipeline.name}/${sink.id}`,
      why: `that sink is of kind ${sink.kind}, and this store is for ${kind}`,
      instead: `bind it to the store of ${sink.kind}`,
    })
}
