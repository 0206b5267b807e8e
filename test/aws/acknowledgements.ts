/** Every finding of AwsSolutions and of cfn-lint that stands, with its place and its reason. Nothing is acknowledged anywhere else. */
import { Validations } from 'aws-cdk-lib'
import type {
  DeadLetters,
  EnvironmentStage,
  OperationsFunction,
  OperatorAccess,
  RecordBucket,
  RecordDatabase,
  Settings,
  TopicConsumer,
} from '../../src/cdk/index.ts'

const SESSION_MANAGER = 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]'
const sessionManager = {
  id: SESSION_MANAGER,
  reason: 'What Session Manager needs of a host; AWS keeps it in step with its agent, a copy would fall behind.',
}
const noTerminationProtection = {
  id: 'AwsSolutions-EC29',
  reason: 'The host holds no data and is replaced whenever its user data change, which protection would stop.',
}
/** The cluster's ARN as the rule prints it: halves of an import. */
const half = (i: 0 | 1, stackOf: StackOf) =>
  `{"Fn::Select":[${i},{"Fn::Split":[":cluster/",{"Fn::ImportValue":"${stackOf('Stream')}:ExportsOutputFnGetAttKafkaCluster21A1BE89ArnDF0E7161"}]}]}`
const operating = (stackOf: StackOf) => [
  ...['topic', 'group'].map((kind) => ({
    id: `AwsSolutions-IAM5[Resource::${half(0, stackOf)}:${kind}/${half(1, stackOf)}/*]`,
    reason: 'A person at the Kafka host works on any topic and group of this one cluster; nothing may be deleted.',
  })),
  {
    id: 'AwsSolutions-IAM5[Resource::*]',
    reason: 'GetBootstrapBrokers alone, for which the service knows no resource.',
  },
]

const noAccessLog = {
  id: 'AwsSolutions-S1',
  reason: 'One role writes and few read; who wants each request on record turns on data events of CloudTrail.',
}
const database = [
  {
    id: 'AwsSolutions-RDS3',
    reason: 'A standby doubles the price, and the specification asks for none: multiAz has it.',
  },
  { id: 'AwsSolutions-RDS11', reason: 'The port is open to two groups alone; another number would hide nothing.' },
]
const interfaces = {
  id: 'AwsSolutions-IAM5[Resource::*]',
  reason:
    'Network interfaces, which have no name before they are there, and GetBootstrapBrokers, which knows no resource.',
}
/** Keys hold offsets: a prefix is as narrow as a policy can name them. */
const objectsOf = (stackOf: StackOf, bucket: string, keys: string) => ({
  id: `AwsSolutions-IAM5[Resource::${stackOf('Store')}:ExportsOutputFnGetAtt${bucket}/${keys}]`,
  reason: 'Objects of this one pipeline, under its own prefix.',
})
const objects = (stackOf: StackOf) => [
  objectsOf(stackOf, 'RecordsBucket600C9C86ArnF17CAD9B', 'demo/lake/demo_topic/*'),
  objectsOf(stackOf, 'DeadLettersPayloads043C8171Arn2484B1F9', 'payloads/demo/*.json'),
]

/** CloudFormation's name of the stack with this one of ours. */
type StackOf = (name: string) => string

/** What has findings; a part that is not there has none. */
export interface Parts {
  readonly access: OperatorAccess | undefined
  readonly bucket: RecordBucket
  readonly database: RecordDatabase
  readonly deadLetters: DeadLetters
  readonly operations: OperationsFunction
  readonly demo: TopicConsumer
}

export function acknowledgeFindings(parts: Parts, stackOf: StackOf = (name) => name): void {
  const { access, bucket, database: records, deadLetters, operations, demo } = parts
  if (access) {
    for (const host of access.bastion ? [access.bastion, access.kafkaHost] : [access.kafkaHost]) {
      Validations.of(host.role).acknowledge(sessionManager)
      Validations.of(host).acknowledge(noTerminationProtection)
    }
    Validations.of(access.kafkaHost.role).acknowledge(...operating(stackOf))
  }
  for (const each of [bucket.bucket, deadLetters.bucket]) Validations.of(each).acknowledge(noAccessLog)
  Validations.of(records.instance).acknowledge(...database)
  Validations.of(operations.role).acknowledge(interfaces)
  Validations.of(demo.role).acknowledge(interfaces, ...objects(stackOf))
}

/** What a preset or a setting leaves out on purpose, and what the rule cannot read. */
export function acknowledgeSettings({ network, access, stores }: EnvironmentStage, settings: Settings): void {
  if (!settings.network.flowLogs)
    Validations.of(network.cfnVpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason: 'The cheapest that works logs no refused connections: network.flowLogs turns it on.',
    })
  if (!settings.keepData && stores.database)
    Validations.of(stores.database.instance).acknowledge({
      id: 'AwsSolutions-RDS10',
      reason: 'keepData is off: the environment is to go whole when it is destroyed.',
    })
  if (access?.bastionSecurityGroup && settings.access.sshFrom === undefined)
    Validations.of(access.bastionSecurityGroup).acknowledge({
      id: 'AwsSolutions-EC23',
      reason: 'The range is a parameter, which the rule cannot read; its pattern takes nothing wider than a /8.',
    })
}

/** A finding of cfn-lint that stands, by its rule and its resource: the stack's name and the logical id without its hash. */
interface LintAcknowledgement {
  readonly rule: string
  readonly resource: string
  readonly reason: string
}

const DEPENDENCY_TWICE =
  "The CDK has a function wait for all of its role's parts, the role itself among them; no harm in it."

export const lintAcknowledgements: readonly LintAcknowledgement[] = [
  { rule: 'W3005', resource: 'Process/DemoFunction', reason: DEPENDENCY_TWICE },
  { rule: 'W3005', resource: 'Store/OperationsFunction', reason: DEPENDENCY_TWICE },
  {
    rule: 'W3691',
    resource: 'Store/DatabaseInstance',
    reason:
      'A major version alone has RDS take its own minor of the day, and the list of cfn-lint has only minors as current.',
  },
]
