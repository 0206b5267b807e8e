/** What every function has: a role of its own, a log with an end, and a place in the VPC only where it connects within it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as lambda from 'aws-cdk-lib/aws-lambda'
import * as logs from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { Network } from './network.ts'
import { refuse } from './refuse.ts'
import type { Connection } from './sink-store.ts'

export interface FunctionSpec {
  /** The construct, for refusals. */
  readonly what: string
  readonly description: string
  readonly codeFolder: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly environment: Readonly<Record<string, string>>
  readonly statements: readonly iam.PolicyStatement[]
  readonly connections: readonly Connection[]
  readonly network: Network | undefined
  readonly logRetention: logs.RetentionDays | undefined
  readonly reservedConcurrency?: number | undefined
}

export interface FunctionParts {
  readonly role: iam.Role
  readonly logGroup: logs.LogGroup
  /** Undefined outside of a VPC. */
  readonly securityGroup: ec2.SecurityGroup | undefined
  readonly function: lambda.Function
}

/**
 * Lambda, "Giving Lambda functions access to resources in an Amazon VPC": to make and drop the function's interfaces. The
 * service asks for them on every resource: interfaces have no name before they are there.
 */
const INTERFACES = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
]

const BUNDLE = 'index.mjs'

/** Role, log, group and function, as children of `scope`. */
export function makeFunction(scope: Construct, spec: FunctionSpec): FunctionParts {
  const role = new iam.Role(scope, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') })
  const logGroup = new logs.LogGroup(scope, 'Log', {
    retention: spec.logRetention ?? logs.RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  })
  logGroup.grantWrite(role)
  for (const statement of spec.statements) role.addToPolicy(statement)
  const place = spec.connections.length === 0 ? undefined : placed(scope, role, spec)
  const made = new lambda.Function(scope, 'Function', {
    description: spec.description,
    runtime: lambda.Runtime.NODEJS_24_X,
    architecture: lambda.Architecture.ARM_64,
    code: lambda.Code.fromAsset(bundled(spec)),
    handler: 'index.handler',
    memorySize: spec.memoryMb,
    timeout: Duration.seconds(spec.timeoutSeconds),
    environment: { ...spec.environment },
    role,
    logGroup,
    // Lines of JSON on standard output go as they are, metrics among them; Lambda's own lines become JSON as well.
    loggingFormat: lambda.LoggingFormat.JSON,
    applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
    systemLogLevelV2: lambda.SystemLogLevel.INFO,
    ...(spec.reservedConcurrency !== undefined && { reservedConcurrentExecutions: spec.reservedConcurrency }),
    ...place,
  })
  return { role, logGroup, securityGroup: place?.securityGroups[0], function: made }
}

function bundled({ what, codeFolder }: FunctionSpec): string {
  if (!existsSync(join(codeFolder, BUNDLE)))
    refuse({
      what: `${what}.codeFolder`,
      got: codeFolder,
      why: `there is no ${BUNDLE} in it`,
      instead: 'give the folder of a bundle, as bundlePipeline writes it',
    })
  return codeFolder
}

/** The private subnets, and a group that lets out to the connections and to AWS, and nothing in. */
function placed(scope: Construct, role: iam.Role, { what, network, connections }: FunctionSpec) {
  if (!network)
    refuse({
      what: `${what}.network`,
      got: undefined,
      why: `it connects to ${connections[0]!.what}, which is within a VPC`,
      instead: 'give the Network that the store is in',
    })
  const { vpc } = network
  role.addToPolicy(new iam.PolicyStatement({ actions: INTERFACES, resources: ['*'] }))
  const group = new ec2.SecurityGroup(scope, 'Group', { vpc, description: 'Function', allowAllOutbound: false })
  group.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'AWS')
  for (const connection of distinct(connections)) connect(scope, group, connection)
  return { vpc, vpcSubnets: { subnets: vpc.privateSubnets }, securityGroups: [group] }
}

function distinct(connections: readonly Connection[]): Connection[] {
  return connections.filter(
    ({ group, port }, i) => connections.findIndex((each) => each.group === group && each.port === port) === i,
  )
}

/** Both rules stand with the function, so that the stack of the store never changes for it. */
function connect(scope: Construct, from: ec2.SecurityGroup, { group, port, what }: Connection): void {
  const id = `${what}-${group.node.addr.slice(-8)}` // the same wherever it stands among the connections
  const rule = { ipProtocol: 'tcp', fromPort: port, toPort: port }
  new ec2.CfnSecurityGroupEgress(scope, `To-${id}`, {
    ...rule,
    groupId: from.securityGroupId,
    destinationSecurityGroupId: group.securityGroupId,
    description: what,
  })
  new ec2.CfnSecurityGroupIngress(scope, `From-${id}`, {
    ...rule,
    groupId: group.securityGroupId,
    sourceSecurityGroupId: from.securityGroupId,
    description: what,
  })
}
