/** Every finding of AwsSolutions that stands, each with its place and its reason. Nothing is acknowledged anywhere else. */
import { Validations } from 'aws-cdk-lib'
import type { SpecApp } from './spec-app.ts'

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
const half = (i: 0 | 1) =>
  `{"Fn::Select":[${i},{"Fn::Split":[":cluster/",{"Fn::ImportValue":"Stream:ExportsOutputFnGetAttKafkaCluster21A1BE89ArnDF0E7161"}]}]}`
const operating = [
  ...['topic', 'group'].map((kind) => ({
    id: `AwsSolutions-IAM5[Resource::${half(0)}:${kind}/${half(1)}/*]`,
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
const objectsOf = (bucket: string, keys: string) => ({
  id: `AwsSolutions-IAM5[Resource::Store:ExportsOutputFnGetAtt${bucket}/${keys}]`,
  reason: 'Objects of this one pipeline, under its own prefix.',
})
const objects = [
  objectsOf('RecordsBucket600C9C86ArnF17CAD9B', 'demo/lake/demo_topic/*'),
  objectsOf('DeadLettersPayloads043C8171Arn2484B1F9', 'payloads/demo/*.json'),
]

export function acknowledgeFindings({ access, stores, operations, demo }: SpecApp): void {
  const { bastion, kafkaHost } = access
  for (const host of bastion ? [bastion, kafkaHost] : [kafkaHost]) {
    Validations.of(host.role).acknowledge(sessionManager)
    Validations.of(host).acknowledge(noTerminationProtection)
  }
  Validations.of(kafkaHost.role).acknowledge(...operating)
  for (const bucket of [stores.stores.s3.bucket, stores.deadLetters.bucket])
    Validations.of(bucket).acknowledge(noAccessLog)
  Validations.of(stores.stores.postgres.instance).acknowledge(...database)
  Validations.of(operations.role).acknowledge(interfaces)
  Validations.of(demo.role).acknowledge(interfaces, ...objects)
}
