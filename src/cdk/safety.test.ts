/** Who reaches whom in the synthesized network, and what AwsSolutions finds. */
import { Stack, Validations } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { AwsSolutionsChecks } from 'cdk-nag'
import { beforeAll, describe, expect, test } from 'vitest'
import { endpoint, leadsOutByNat, reach, reachInternet, worldOf } from '../../test/aws/reachability.ts'
import type { World } from '../../test/aws/reachability.ts'
import { specApp, templatesOf } from '../../test/aws/spec-app.ts'
import { Observation, SshRange } from './index.ts'

let world: World
beforeAll(() => {
  world = worldOf(templatesOf(specApp().stacks))
})

describe('ways', () => {
  const bastion = () => endpoint(world, 'Bastion')
  const host = () => endpoint(world, 'KafkaHost')
  const brokers = () => endpoint(world, 'KafkaCluster')
  const database = () => endpoint(world, 'Store/DatabaseInstance')
  const internet = { range: '0.0.0.0/0' }
  const stated = { range: 'Access/SshRange' }

  test('internet -> bastion: 22 from the stated range, nothing else', () => {
    expect(reach(world, stated, bastion(), 22).reached).toBe(true)
    expect(reach(world, stated, bastion(), 23).reached).toBe(false)
    expect(reach(world, internet, bastion(), 22).reached).toBe(false)
  })

  test('bastion -> Kafka host 22 -> brokers 9098; the bastion not to the brokers', () => {
    expect(reach(world, bastion(), host(), 22).reached).toBe(true)
    expect(reach(world, host(), brokers(), 9098).reached).toBe(true)
    expect(reach(world, host(), brokers(), 9092).reached).toBe(false)
    expect(reach(world, bastion(), brokers(), 9098).reached).toBe(false)
  })

  test('the mapping, with the subnets and group of the cluster -> brokers, and out to Lambda and STS', () => {
    expect(reach(world, brokers(), brokers(), 9098).reached).toBe(true)
    expect(brokers().subnets.map((subnet) => leadsOutByNat(world, subnet))).toEqual([true, true])
  })

  test('internet -> Kafka host and brokers: never', () => {
    for (const target of [host(), brokers()])
      for (const port of [22, 9092, 9094, 9098, 9198])
        expect(reach(world, internet, target, port)).toEqual({
          reached: false,
          because: `${target.id} has no public address`,
        })
  })

  test('functions -> database 5432, and to the internet 443 by NAT; nothing else of either', () => {
    for (const part of ['Process/DemoFunction', 'Store/OperationsFunction']) {
      const from = endpoint(world, part)
      expect(reach(world, from, database(), 5432).reached).toBe(true)
      expect(reach(world, from, database(), 22).reached).toBe(false)
      expect(reachInternet(world, from, 443).reached).toBe(true)
      for (const port of [80, 5432]) expect(reachInternet(world, from, port).reached).toBe(false)
      for (const port of [22, 9098]) {
        expect(reach(world, from, host(), port).reached).toBe(false)
        expect(reach(world, from, brokers(), port).reached).toBe(false)
      }
    }
    expect(database().subnets).toEqual(endpoint(world, 'Process/DemoFunction').subnets)
  })

  test('hosts, brokers and the internet -> database: never; nobody -> functions; the database -> nobody', () => {
    for (const from of [bastion(), host(), brokers()])
      expect(reach(world, from, database(), 5432)).toMatchObject({ reached: false, because: /takes port 5432/ })
    const functions = ['Process/DemoFunction', 'Store/OperationsFunction'].map((part) => endpoint(world, part))
    for (const port of [22, 443, 5432]) {
      for (const target of [database(), ...functions])
        expect(reach(world, internet, target, port).because).toBe(`${target.id} has no public address`)
      for (const target of functions) expect(reach(world, host(), target, port).reached).toBe(false)
    }
    expect(reachInternet(world, database(), 443).reached).toBe(false)
    expect(reach(world, database(), functions[0]!, 443).reached).toBe(false)
  })

  test('the walk sees an open port, a closed way out and an instance that is public', () => {
    const open = specApp({ sshFrom: SshRange.of('203.0.113.0/24') })
    const walked = worldOf(templatesOf(open.stacks))
    const at = endpoint(walked, 'Bastion')
    expect(reach(walked, { range: '203.0.113.9/32' }, at, 22).reached).toBe(true)
    expect(reach(walked, { range: '203.0.114.9/32' }, at, 22).reached).toBe(false)
    const withoutRoutes = { ...walked, resources: walked.resources.filter(({ type }) => type !== 'AWS::EC2::Route') }
    expect(reach(withoutRoutes, { range: '203.0.113.9/32' }, at, 22).because).toContain(
      'no route to an internet gateway',
    )
    expect(leadsOutByNat(withoutRoutes, endpoint(walked, 'KafkaHost').subnets[0]!)).toBe(false)
    expect(reachInternet(withoutRoutes, endpoint(walked, 'DemoFunction'), 443).because).toContain('no way out by NAT')
    const rule = { direction: 'in', peer: '0.0.0.0/0', protocol: '-1', from: 0, to: 65_535 } as const
    const exposed = { ...walked, rules: [...walked.rules, { ...rule, group: at.groups[0]! }] }
    expect(reach(exposed, { range: '0.0.0.0/0' }, at, 3389).reached).toBe(true)
    const [from, to] = [endpoint(walked, 'KafkaHost'), endpoint(walked, 'Store/DatabaseInstance')]
    const ingress = { ...rule, group: to.groups[0]!, peer: from.groups[0]! }
    expect(reach(walked, from, to, 5432).reached).toBe(false)
    expect(reach({ ...walked, rules: [...walked.rules, ingress] }, from, to, 5432).reached).toBe(true)
  })
})

test('stacks point one way: what holds data does not know what reads and writes it', () => {
  const { app, stacks } = specApp()
  app.synth()
  const known = Object.values(stacks).map(({ stackName, dependencies }) => [
    stackName,
    dependencies.map((each) => each.stackName).toSorted(),
  ])
  expect(Object.fromEntries(known)).toEqual({
    Network: [],
    Stream: ['Network'],
    Access: ['Network', 'Stream'],
    Store: ['Network'],
    Process: ['Network', 'Store', 'Stream'],
  })
})

describe('without a bastion', () => {
  const alone = specApp({ bastion: false })
  let walked: World
  beforeAll(() => {
    walked = worldOf(templatesOf(alone.stacks))
  })

  test('the Kafka host -> brokers 9098 and out to Session Manager; nobody to it, and port 22 nowhere', () => {
    const host = endpoint(walked, 'KafkaHost')
    expect(reach(walked, host, endpoint(walked, 'KafkaCluster'), 9098).reached).toBe(true)
    expect(host.subnets.map((subnet) => leadsOutByNat(walked, subnet))).toEqual([true])
    expect(reach(walked, { range: '0.0.0.0/0' }, host, 22).because).toBe(`${host.id} has no public address`)
    expect(walked.rules.filter(({ group, direction }) => direction === 'in' && host.groups.includes(group))).toEqual([])
    const ssh = walked.rules.filter(({ direction, from, to }) => direction === 'in' && from <= 22 && 22 <= to)
    expect(ssh).toEqual([])
  })

  test('one host, no key pair, no parameter to answer for SSH, no bastion in what is put out', () => {
    const template = Template.fromStack(alone.stacks.access)
    template.resourceCountIs('AWS::EC2::Instance', 1)
    template.resourceCountIs('AWS::EC2::KeyPair', 0)
    template.hasResourceProperties('AWS::EC2::Instance', { KeyName: Match.absent() })
    template.resourceCountIs('AWS::EC2::SecurityGroup', 1)
    expect(template.findParameters('SshRange')).toEqual({})
    expect(Object.keys(template.findOutputs('*')).filter((name) => name.includes('Bastion'))).toEqual([])
    expect([alone.access.bastion, alone.access.bastionSecurityGroup, alone.access.keyPair]).toEqual(
      Array(3).fill(undefined),
    )
    expect(alone.access.alarms.map(({ id }) => id)).toEqual(['StatusKafkaHost'])
  })

  test('the Kafka host is the one that a bastion would stand beside', () => {
    const hosts = (stack: Stack) => Object.keys(Template.fromStack(stack).findResources('AWS::EC2::Instance'))
    expect(hosts(specApp().stacks.access)).toEqual(expect.arrayContaining(hosts(alone.stacks.access)))
  })
})

test('AwsSolutions finds a planted open group, and else nothing that is not acknowledged', () => {
  const { app, network: net, cluster, access } = specApp({ sshFrom: SshRange.of('203.0.113.0/24') })
  const planted = new ec2.SecurityGroup(new Stack(app, 'Planted'), 'Open', { vpc: net.vpc, description: 'open' })
  planted.addIngressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(22))
  const watched = Object.entries({ Network: net, Kafka: cluster, Access: access })
  new Observation(new Stack(app, 'Observe'), 'Observation', {
    name: 'weirhouse-test',
    watched: watched.map(([name, observable]) => ({ name, observable })),
    email: 'ops@example.com',
  })
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
  process.env['CDK_VALIDATION'] = 'true'
  let said = ''
  try {
    app.synth()
  } catch (error) {
    said = String(error)
  } finally {
    process.env['CDK_VALIDATION'] = 'false'
  }
  const places = [...said.matchAll(/^ +(\w+)\/.* aws-cdk-lib\.aws_/gm)].map(([, stack]) => stack)
  expect([...new Set(places)], said).toEqual(['Planted'])
  expect(said).toContain('AwsSolutions-EC23')
})
