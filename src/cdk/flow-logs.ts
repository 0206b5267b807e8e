import { RemovalPolicy } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'

export interface FlowLogsProps {
  readonly vpc: ec2.CfnVPC
}

/** Refused connections of a VPC, kept a month in CloudWatch. */
export class FlowLogs extends Construct {
  readonly logGroup: logs.LogGroup

  constructor(scope: Construct, id: string, { vpc }: FlowLogsProps) {
    super(scope, id)
    this.logGroup = new logs.LogGroup(this, 'Group', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('vpc-flow-logs.amazonaws.com') })
    const granted = this.logGroup.grant(role, 'logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams')
    const log = new ec2.CfnFlowLog(this, 'Log', {
      resourceId: vpc.ref,
      resourceType: 'VPC',
      trafficType: 'REJECT',
      logDestinationType: 'cloud-watch-logs',
      logGroupName: this.logGroup.logGroupName,
      deliverLogsPermissionArn: role.roleArn,
    })
    granted.applyBefore(log)
  }
}
