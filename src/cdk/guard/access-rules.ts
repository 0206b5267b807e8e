import { resources } from './rule.ts'
import type { TemplateRule } from './rule.ts'

const EVERYONE = `CidrIp !exists or CidrIp not is_string or CidrIp != '0.0.0.0/0' <<>>
  CidrIpv6 !exists or CidrIpv6 not is_string or CidrIpv6 != '::/0' <<>>`

/** Where policies of IAM stand: by themselves, or within a role, user or group. */
const STATEMENTS = [
  `${resources(['AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy'], 'Properties.PolicyDocument.Statement exists')}.Properties.PolicyDocument.Statement[*]`,
  `${resources(['AWS::IAM::Role', 'AWS::IAM::User', 'AWS::IAM::Group'], 'Properties.Policies exists')}.Properties.Policies[*].PolicyDocument.Statement[*]`,
]

export const accessRules: readonly TemplateRule[] = [
  {
    name: 'open-to-all',
    what: 'Ingress of a security group',
    got: '0.0.0.0/0 or ::/0',
    why: 'the whole internet could try that port',
    instead: 'name the range or the group that needs it, such as 203.0.113.7/32',
    guard: `${resources(['AWS::EC2::SecurityGroup'], 'Properties.SecurityGroupIngress exists')}.Properties.SecurityGroupIngress[*] {
  ${EVERYONE}
}
${resources(['AWS::EC2::SecurityGroupIngress'])}.Properties {
  ${EVERYONE}
}`,
  },
  {
    name: 'wildcard-action',
    what: 'Action of a policy',
    got: 'a wildcard, or all actions but some',
    why: 'whatever AWS adds under that name is allowed from its first day',
    instead: 'name each action',
    guard: STATEMENTS.map(
      (statements) => `${statements} {
  Action !exists or Action[*] != /\\*/ or Effect != 'Allow' <<>>
  NotAction !exists or Effect != 'Allow' <<>>
}`,
    ).join('\n'),
  },
  {
    name: 'log-retention',
    what: 'RetentionInDays of a log group',
    got: 'nothing',
    why: 'its logs would be kept, and paid for, without end',
    instead: 'give one of the periods that CloudWatch takes, such as 30',
    guard: `${resources(['AWS::Logs::LogGroup'])} {
  Properties.RetentionInDays exists <<>>
}`,
    shows: 'Properties.RetentionInDays',
  },
]
