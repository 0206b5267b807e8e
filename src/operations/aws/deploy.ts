/**
 * From an assembly to stacks that stand: what would change, in what order, with the tables made before anything is consumed.
 * Everything outside comes in: AWS, the CDK, the person who is asked.
 */
import { changesOf } from './changes.ts'
import type { Change } from './changes.ts'
import type { RunCdk } from './cdk-cli.ts'
import type { AwsIdentity } from './clients.ts'
import type { StandingStack, Stacks, Template } from './stacks.ts'

export interface StackToDeploy {
  /** Network, Stream, Store, Access, Process, Observe. */
  readonly name: string
  readonly stackName: string
  readonly template: Template
}

export interface Deployment {
  readonly environment: string
  /** Folder of the cloud assembly. */
  readonly assembly: string
  /** In the order of deployment. */
  readonly stacks: readonly StackToDeploy[]
}

/** What stands in the way of an empty account. */
const BOOTSTRAP_STACK = 'CDKToolkit'
/** What consumes: its tables have to be there before. */
const CONSUMING = new Set(['Process', 'Observe'])
/** Every stack that an environment may have: one that stands and is no longer part is told. */
const NAMES = ['Network', 'Stream', 'Store', 'Access', 'Process', 'Observe']

export interface Preview {
  /** The account has not been prepared for the CDK: deploying does it. */
  readonly bootstrap: boolean
  /** Stacks that do not stand yet. */
  readonly fresh: readonly string[]
  readonly changes: readonly Change[]
  /** Parameters without a value so far, by stack. */
  readonly unanswered: readonly { readonly stackName: string; readonly parameter: string }[]
  /** Stacks of this environment that stand and are no longer part of it. */
  readonly stray: readonly string[]
}

export async function preview({ environment, stacks: wanted }: Deployment, stacks: Stacks): Promise<Preview> {
  const bootstrap = (await stacks.find(BOOTSTRAP_STACK)) === undefined
  const fresh: string[] = []
  const changes: Change[] = []
  const unanswered: { stackName: string; parameter: string }[] = []
  for (const { stackName, template } of wanted) {
    const before = await stacks.template(stackName)
    if (!before) fresh.push(stackName)
    changes.push(...(await changesOf(stackName, before, template)))
    const known = parametersOf(before)
    for (const parameter of parametersOf(template))
      if (!known.includes(parameter)) unanswered.push({ stackName, parameter })
  }
  const stray: string[] = []
  for (const name of NAMES) {
    const stackName = stackNameOf(environment, name)
    if (!wanted.some((stack) => stack.stackName === stackName) && (await stacks.find(stackName))) stray.push(stackName)
  }
  return { bootstrap, fresh, changes, unanswered, stray }
}

export function stackNameOf(environment: string, name: string): string {
  return `weirhouse-${environment}-${name.toLowerCase()}`
}

/** Those that somebody has to answer: CDK's own have a default. */
function parametersOf(template: Template | undefined): string[] {
  const parameters = (template?.['Parameters'] ?? {}) as Readonly<Record<string, { readonly Default?: unknown }>>
  return Object.entries(parameters).flatMap(([name, { Default }]) => (Default === undefined ? [name] : []))
}

export interface DeployPorts {
  readonly stacks: Stacks
  readonly cdk: RunCdk
  /** Makes tables and roles of the databases through the function of that name. */
  readonly migrate: (functionName: string) => Promise<void>
  readonly onStep: (step: string) => void
  readonly onLine: (line: string) => void
  readonly signal: AbortSignal
}

export interface DeployOptions {
  readonly deployment: Deployment
  readonly identity: AwsIdentity
  readonly preview: Preview
  /** Answers to the preview's unanswered parameters, by name. */
  readonly parameters: Readonly<Record<string, string>>
}

/** The output that names the operations function. */
export const OPERATIONS_OUTPUT = 'OperationsFunction'

/** Throws WEIR_DEPLOY_FAILED; what stands then stays, and the same call goes on from there. */
export async function deploy(
  { deployment, identity, preview: { bootstrap, unanswered }, parameters }: DeployOptions,
  { stacks, cdk, migrate, onStep, onLine, signal }: DeployPorts,
): Promise<StandingStack[]> {
  const { environment, assembly, stacks: wanted } = deployment
  const run = (args: readonly string[]) => cdk({ args, region: identity.region, onLine, signal })
  if (bootstrap) {
    onStep('preparing the account for the CDK')
    await run(['bootstrap', `aws://${identity.account}/${identity.region}`])
  }
  const given = unanswered.flatMap(({ stackName, parameter }) => [
    '--parameters',
    `${stackName}:${parameter}=${parameters[parameter] ?? ''}`,
  ])
  const carry = async (part: readonly StackToDeploy[]) => {
    if (part.length === 0) return
    onStep(`deploying ${part.map(({ name }) => name).join(', ')}`)
    const ids = part.map(({ name }) => `${environment}/${name}`)
    const how = ['--exclusively', '--require-approval', 'never', '--progress', 'events']
    await run(['deploy', ...ids, '--app', assembly, ...how, ...given])
  }
  await carry(wanted.filter(({ name }) => !CONSUMING.has(name)))
  const functionName = outputsOf(await standing(wanted, stacks))[OPERATIONS_OUTPUT]
  if (functionName !== undefined) {
    onStep('making tables and roles in the database')
    await migrate(functionName)
  }
  await carry(wanted.filter(({ name }) => CONSUMING.has(name)))
  return standing(wanted, stacks)
}

/** Of all stacks: their names are distinct. */
export function outputsOf(stacks: readonly StandingStack[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...stacks.map(({ outputs }) => outputs)) as Readonly<Record<string, string>>
}

async function standing(wanted: readonly Pick<StackToDeploy, 'stackName'>[], stacks: Stacks): Promise<StandingStack[]> {
  const found: StandingStack[] = []
  for (const { stackName } of wanted) {
    const stack = await stacks.find(stackName)
    if (stack) found.push(stack)
  }
  return found
}

/** What holds records, and what that stands on. */
const HOLDING = new Set(['Network', 'Stream', 'Store'])

/** The stacks that go when an environment is destroyed: where its data are kept, those that hold them stay whole. */
export function namesToDestroy(keepData: boolean): readonly string[] {
  return keepData ? NAMES.filter((name) => !HOLDING.has(name)) : NAMES
}

/** Every stack of an environment that stands, in the order of deployment. */
export function standingOf(
  environment: string,
  stacks: Stacks,
  names: readonly string[] = NAMES,
): Promise<StandingStack[]> {
  return standing(
    names.map((name) => ({ stackName: stackNameOf(environment, name) })),
    stacks,
  )
}
