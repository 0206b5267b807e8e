/** Every finding of AwsSolutions that stands, each with its place and its reason. Nothing is acknowledged anywhere else. */
import { Validations } from 'aws-cdk-lib'
import type { OperatorAccess } from '../../src/cdk/index.ts'

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

export function acknowledgeFindings({ bastion, kafkaHost }: OperatorAccess): void {
  for (const host of bastion ? [bastion, kafkaHost] : [kafkaHost]) {
    Validations.of(host.role).acknowledge(sessionManager)
    Validations.of(host).acknowledge(noTerminationProtection)
  }
  Validations.of(kafkaHost.role).acknowledge(...operating)
}
