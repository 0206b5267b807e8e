/** What the verbs with `--env` share: the project's environment, its assembly, and AWS as whoever calls. */
import { join } from 'node:path'
import type { SynthesizeOptions } from '../cdk/synthesize.ts'
import { loadProject, environmentOf } from '../config/load.ts'
import type { Environment } from '../config/environments.ts'
import type { Project } from '../config/load.ts'
import { WeirError } from '../core/errors.ts'
import { identify } from '../operations/aws/clients.ts'
import type { AwsIdentity } from '../operations/aws/clients.ts'
import { openStacks } from '../operations/aws/stacks.ts'
import type { Stacks } from '../operations/aws/stacks.ts'
import type { Io } from './io.ts'
import { required, text } from './options.ts'

export const environmentOption = required(text('name', 'an environment of weirhouse.config.ts'))

export interface OpenEnvironment {
  readonly project: Project
  readonly name: string
  readonly environment: Environment
}

/** Throws WEIR_NO_PROJECT, WEIR_DEFINITION_INVALID, WEIR_UNKNOWN. */
export async function openEnvironment(name: string, io: Pick<Io, 'project'>): Promise<OpenEnvironment> {
  const project = await loadProject(io.project)
  return { project, name, environment: environmentOf(project, name) }
}

/** What a synthesis takes; its assembly goes to .weirhouse/cloud/NAME where nobody names a folder. */
export function synthesisOf(
  { project, name }: OpenEnvironment,
  { progress, signal }: Pick<Io, 'progress' | 'signal'>,
  outdir: string = join(project.root, '.weirhouse', 'cloud', name),
): SynthesizeOptions {
  return { project, environment: name, outdir, progress, signal }
}

export interface Cloud {
  readonly identity: AwsIdentity
  readonly stacks: Stacks
}

/** Works with AWS, and closes what was opened. Throws WEIR_AWS_CREDENTIALS, WEIR_AWS_ACCOUNT. */
export async function withCloud<T>(open: OpenEnvironment, io: Io, work: (cloud: Cloud) => Promise<T>): Promise<T> {
  const { region, account } = open.environment
  io.progress('asking AWS who calls')
  const identity = await identify({ environment: open.name, region, account }, io.signal)
  const stacks = await openStacks(identity.region, io.signal)
  try {
    return await work({ identity, stacks })
  } finally {
    stacks.close()
  }
}

export function notDeployed(open: OpenEnvironment, { region }: AwsIdentity, what: string): WeirError {
  return new WeirError('WEIR_NOT_DEPLOYED', { environment: open.name, region, what })
}
