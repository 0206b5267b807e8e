/** What stands on AWS: stacks by name, their outputs and templates. */
import type { CloudFormationClient, Stack } from '@aws-sdk/client-cloudformation'
import { asRequestError } from '../aws-target.ts'
import { cloudFormation } from './clients.ts'

export interface StandingStack {
  readonly stackName: string
  /** CloudFormation's own word, such as `UPDATE_COMPLETE`. */
  readonly status: string
  readonly outputs: Readonly<Record<string, string>>
}

export interface Stacks {
  /** Undefined where there is no such stack. */
  find(stackName: string): Promise<StandingStack | undefined>
  /** The template that it was last deployed with; undefined where there is no such stack. */
  template(stackName: string): Promise<Template | undefined>
  /** CloudFormation's name for a resource of a stack: a bucket's name, an instance's id. */
  physicalId(stackName: string, logicalId: string): Promise<string>
  close(): void
}

export interface Template {
  readonly [section: string]: unknown
  readonly Resources?: Readonly<Record<string, { readonly Type: string; readonly DeletionPolicy?: string }>>
}

/** Requests fail as WEIR_REQUEST_FAILED. */
export async function openStacks(region: string, signal: AbortSignal): Promise<Stacks> {
  const { client, sdk } = await cloudFormation(region)
  const options = { abortSignal: signal }
  const find = async (stackName: string): Promise<StandingStack | undefined> => {
    const stack = await describe(() => client.send(new sdk.DescribeStacksCommand({ StackName: stackName }), options))
    return stack && standing(stack)
  }
  return {
    find,
    async template(stackName) {
      if (!(await find(stackName))) return undefined
      const asked = { StackName: stackName, TemplateStage: 'Original' } as const
      const { TemplateBody } = await client
        .send(new sdk.GetTemplateCommand(asked), options)
        .catch(asRequestError('CloudFormation', 'GetTemplate'))
      return JSON.parse(TemplateBody ?? '{}') as Template
    },
    async physicalId(stackName, logicalId) {
      const asked = { StackName: stackName, LogicalResourceId: logicalId }
      const { StackResourceDetail } = await client
        .send(new sdk.DescribeStackResourceCommand(asked), options)
        .catch(asRequestError('CloudFormation', 'DescribeStackResource'))
      return StackResourceDetail!.PhysicalResourceId!
    },
    close: () => client.destroy(),
  }
}

type Described = Awaited<ReturnType<CloudFormationClient['send']>> & { readonly Stacks?: Stack[] | undefined }

/** CloudFormation has no error of its own for a stack that is not there, only a sentence. */
async function describe(ask: () => Promise<unknown>): Promise<Stack | undefined> {
  try {
    return ((await ask()) as Described).Stacks?.find(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE')
  } catch (error) {
    if (error instanceof Error && /does not exist/.test(error.message)) return undefined
    return asRequestError('CloudFormation', 'DescribeStacks')(error)
  }
}

function standing({ StackName, StackStatus, Outputs = [] }: Stack): StandingStack {
  const outputs = Outputs.map(({ OutputKey, OutputValue }) => [OutputKey!, OutputValue ?? ''] as const)
  return { stackName: StackName!, status: StackStatus!, outputs: Object.fromEntries(outputs) }
}
