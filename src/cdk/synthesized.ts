/** What a synthesis of one environment leaves behind, as data: for `plan`, `deploy` and tests. No CDK. */
import type { Settings } from './settings.ts'

export type TemplateValue =
  | string
  | number
  | boolean
  | null
  | readonly TemplateValue[]
  | { readonly [key: string]: TemplateValue }

export interface TemplateResource {
  readonly Type: string
  readonly Properties?: { readonly [key: string]: TemplateValue }
  readonly DeletionPolicy?: string
}

/** A stack as far as its resources tell. */
export interface StackResources {
  /** Network, Stream, Store, Access, Process, Observe. */
  readonly name: string
  /** As CloudFormation knows it: `weirhouse-<environment>-network`. */
  readonly stackName: string
  readonly resources: Readonly<Record<string, TemplateResource>>
}

export interface SynthesizedStack extends StackResources {
  /** The whole of it. */
  readonly template: { readonly [section: string]: unknown }
}

export interface Warning {
  /** `weirhouse:...`: what it is acknowledged by. */
  readonly id: string
  readonly text: string
  /** Construct path. */
  readonly path: string
}

export interface Synthesized {
  readonly settings: Settings
  /** The cloud assembly. */
  readonly directory: string
  /** In the order of deployment. */
  readonly stacks: readonly SynthesizedStack[]
  readonly warnings: readonly Warning[]
}
