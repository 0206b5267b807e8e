/** The order of a deployment and what it says ahead, on stacks that are data; the CDK is whoever notes its arguments. */
import { describe, expect, test } from 'vitest'
import { changesOf } from './changes.ts'
import { deploy, preview } from './deploy.ts'
import type { DeployPorts, Deployment } from './deploy.ts'
import type { StandingStack, Stacks, Template } from './stacks.ts'

const bucket = (Properties: object = {}, DeletionPolicy = 'Delete') => ({
  Type: 'AWS::S3::Bucket',
  DeletionPolicy,
  Properties,
})
const wait = { Type: 'AWS::CloudFormation::WaitConditionHandle' }

function stackOf(name: string, template: Template = { Resources: { One: wait } }) {
  return { name, stackName: `weirhouse-test-${name.toLowerCase()}`, template }
}

const deployment: Deployment = {
  environment: 'test',
  assembly: 'out',
  stacks: ['Network', 'Stream', 'Store', 'Process', 'Observe'].map((name) => stackOf(name)),
}

/** Stacks that stand, by name; `deployed` adds to them. */
function world(standing: Readonly<Record<string, Template>> = {}) {
  const templates = new Map(Object.entries(standing))
  const stacks: Stacks = {
    find: (stackName) => Promise.resolve(templates.has(stackName) ? found(stackName) : undefined),
    template: (stackName) => Promise.resolve(templates.get(stackName)),
    physicalId: (_, logicalId) => Promise.resolve(logicalId),
    close: () => undefined,
  }
  return { stacks, templates }
}

function found(stackName: string): StandingStack {
  const outputs: Record<string, string> = stackName.endsWith('store') ? { OperationsFunction: 'ops' } : {}
  return { stackName, status: 'CREATE_COMPLETE', outputs }
}

function ports({ stacks, templates }: ReturnType<typeof world>) {
  const did: string[] = []
  const all: DeployPorts = {
    stacks,
    cdk: ({ args }) => {
      did.push(args.filter((arg) => !arg.startsWith('--')).join(' '))
      for (const arg of args)
        if (arg.startsWith('test/')) templates.set(`weirhouse-test-${arg.slice(5).toLowerCase()}`, {})
      return Promise.resolve()
    },
    migrate: (functionName) => {
      did.push(`migrate by ${functionName}`)
      return Promise.resolve()
    },
    onStep: () => undefined,
    onLine: () => undefined,
    signal: new AbortController().signal,
  }
  return { did, all }
}

const identity = { account: '123456789012', region: 'eu-west-1' }

describe('deploying', () => {
  test('an empty account: bootstrap, then what others stand on, then the tables, then what consumes', async () => {
    const empty = world()
    const ahead = await preview(deployment, empty.stacks)
    expect(ahead).toMatchObject({ bootstrap: true, fresh: deployment.stacks.map(({ stackName }) => stackName) })
    const { did, all } = ports(empty)
    const standing = await deploy({ deployment, identity, preview: ahead, parameters: {} }, all)
    expect(did).toEqual([
      'bootstrap aws://123456789012/eu-west-1',
      'deploy test/Network test/Stream test/Store out never events',
      'migrate by ops',
      'deploy test/Process test/Observe out never events',
    ])
    expect(standing).toHaveLength(5)
  })

  test('where the tables cannot be made, nothing begins to consume', async () => {
    const half = world({ CDKToolkit: {} })
    const { did, all } = ports(half)
    const ahead = await preview(deployment, half.stacks)
    const failing = { ...all, migrate: () => Promise.reject(new Error('no way in')) }
    await expect(deploy({ deployment, identity, preview: ahead, parameters: {} }, failing)).rejects.toThrow('no way in')
    expect(did).toEqual(['deploy test/Network test/Stream test/Store out never events'])
  })

  test('parameters without a default are asked for once, and carried to their stack', async () => {
    const asking = { Resources: { One: wait }, Parameters: { SshRange: { Type: 'String' }, Boot: { Default: '/x' } } }
    const wanted: Deployment = { ...deployment, stacks: [stackOf('Access', asking)] }
    const fresh = world({ CDKToolkit: {} })
    const ahead = await preview(wanted, fresh.stacks)
    expect(ahead.unanswered).toEqual([{ stackName: 'weirhouse-test-access', parameter: 'SshRange' }])
    const { did, all } = ports(fresh)
    await deploy({ deployment: wanted, identity, preview: ahead, parameters: { SshRange: '203.0.113.7/32' } }, all)
    expect(did[0]).toContain('weirhouse-test-access:SshRange=203.0.113.7/32')
    const again = world({ CDKToolkit: {}, 'weirhouse-test-access': asking })
    expect((await preview(wanted, again.stacks)).unanswered).toEqual([])
  })

  test('a stack that stands and is no longer part is told', async () => {
    const { stacks } = world({ CDKToolkit: {}, 'weirhouse-test-access': {} })
    expect((await preview(deployment, stacks)).stray).toEqual(['weirhouse-test-access'])
  })
})

describe('changes', () => {
  const kinds = async (before: Template | undefined, after: Template | undefined) =>
    (await changesOf('s', before, after)).map(({ id, kind, holdsData }) => [id, kind, holdsData])
  const table = (name: string) => ({
    Type: 'AWS::DynamoDB::Table',
    Properties: { TableName: name },
    DeletionPolicy: 'Delete',
  })

  test.each<[string, Template | undefined, Template | undefined, unknown[]]>([
    ['new', undefined, { Resources: { A: bucket() } }, [['A', 'create', true]]],
    ['the same', { Resources: { A: bucket() } }, { Resources: { A: bucket() } }, []],
    ['gone', { Resources: { A: bucket() } }, { Resources: {} }, [['A', 'destroy', true]]],
    ['gone, and kept', { Resources: { A: bucket({}, 'Retain') } }, { Resources: {} }, [['A', 'leave', true]]],
    ['another name', { Resources: { A: table('a') } }, { Resources: { A: table('b') } }, [['A', 'replace', true]]],
    [
      'another setting',
      { Resources: { A: bucket({ BucketName: 'b' }) } },
      { Resources: { A: bucket({ BucketName: 'b', Tags: [{ Key: 'k', Value: 'v' }] }) } },
      [['A', 'update', true]],
    ],
    ['no records in it', { Resources: { A: wait } }, undefined, [['A', 'destroy', false]]],
  ])('%s', async (_, before, after, expected) => {
    expect(await kinds(before, after)).toEqual(expected)
  })

  test('what cannot be undone comes first', async () => {
    const before = { Resources: { Z: bucket(), A: wait, K: table('k') } }
    const after = { Resources: { A: { ...wait, Metadata: { a: 1 } }, K: table('l'), N: wait } }
    expect((await kinds(before, after)).map(([id]) => id)).toEqual(['Z', 'K', 'A', 'N'])
  })
})
