/**
 * The contract of a store on AWS: what binds a sink of a pipeline to the function that writes it. A fourth store is one
 * class that does this.
 */
import type * as ec2 from 'aws-cdk-lib/aws-ec2'
import type * as iam from 'aws-cdk-lib/aws-iam'
import type { Pipeline } from '../core/pipeline.ts'
import type { SinkDefinition } from '../sinks/sink.ts'

/** A port within the VPC that the function connects to. Any of these makes it run in the private subnets. */
export interface Connection {
  readonly group: ec2.ISecurityGroup
  readonly port: number
  /** For the rule's description, such as `PostgreSQL`. */
  readonly what: string
}

export interface SinkBinding {
  /** This sink's part of WEIRHOUSE_BINDINGS (src/core/bindings.ts); values known at deployment alone are fine. */
  readonly binding: Readonly<Record<string, unknown>>
  /** Further variables of the function. Two sinks may name the same one only with the same value. */
  readonly environment: Readonly<Record<string, string>>
  /** What the function's role is allowed, scoped to this sink's own resources: the actions of `sink.grants`, no more. */
  readonly statements: readonly iam.PolicyStatement[]
  readonly connections: readonly Connection[]
}

export interface SinkStore {
  /** Makes no resource in the stack of the store, so that stateful stacks do not change when a function comes. */
  bind(pipeline: Pipeline, sink: SinkDefinition): SinkBinding
}
