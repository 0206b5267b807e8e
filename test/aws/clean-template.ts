/** A template of all that the rules look at, with nothing to find: tests spoil one value of it at a time. */
import type { TemplateResource } from '../../src/cdk/synthesized.ts'

const serverProperties = [
  'auto.create.topics.enable=false',
  'default.replication.factor=2',
  'min.insync.replicas=1',
  'unclean.leader.election.enable=false',
]
const allow = { Effect: 'Allow', Action: ['s3:PutObject', 's3:GetObject'], Resource: '*' }
/** Denying all but what is named is no wildcard grant. */
const deny = { Effect: 'Deny', NotAction: 's3:*', Resource: '*' }
const policy = { Version: '2012-10-17', Statement: [allow, deny] }

export const cleanResources: Readonly<Record<string, TemplateResource>> = {
  Cluster: {
    Type: 'AWS::MSK::Cluster',
    Properties: {
      ClusterName: 'clean',
      KafkaVersion: '4.1.x.kraft',
      NumberOfBrokerNodes: 2,
      BrokerNodeGroupInfo: {
        InstanceType: 'kafka.t3.small',
        ClientSubnets: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'],
        ConnectivityInfo: { PublicAccess: { Type: 'DISABLED' } },
      },
      ClientAuthentication: { Sasl: { Iam: { Enabled: true } }, Unauthenticated: { Enabled: false } },
      EncryptionInfo: { EncryptionInTransit: { ClientBroker: 'TLS', InCluster: true } },
      ConfigurationInfo: { Arn: { 'Fn::GetAtt': ['Configuration', 'Arn'] }, Revision: 1 },
    },
  },
  Configuration: {
    Type: 'AWS::MSK::Configuration',
    Properties: { Name: 'clean', ServerProperties: serverProperties.join('\n') },
  },
  Topic: {
    Type: 'AWS::MSK::Topic',
    Properties: {
      ClusterArn: { 'Fn::GetAtt': ['Cluster', 'Arn'] },
      TopicName: 'orders',
      PartitionCount: 2,
      ReplicationFactor: 2,
    },
  },
  Mapping: {
    Type: 'AWS::Lambda::EventSourceMapping',
    Properties: {
      FunctionName: { Ref: 'Function' },
      EventSourceArn: { 'Fn::GetAtt': ['Cluster', 'Arn'] },
      Topics: ['orders'],
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: 300,
      AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'orders' },
    },
  },
  Function: {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: { ZipFile: 'exports.handler = () => {}' },
      Handler: 'index.handler',
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Runtime: 'nodejs24.x',
      Timeout: 840,
    },
  },
  Database: {
    Type: 'AWS::RDS::DBInstance',
    Properties: {
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: '20',
      MasterUsername: 'weirhouse',
      ManageMasterUserPassword: true,
      EnableIAMDatabaseAuthentication: true,
      StorageEncrypted: true,
      PubliclyAccessible: false,
    },
  },
  Bucket: {
    Type: 'AWS::S3::Bucket',
    Properties: {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    },
  },
  Table: {
    Type: 'AWS::DynamoDB::Table',
    Properties: {
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    },
  },
  Group: {
    Type: 'AWS::EC2::SecurityGroup',
    Properties: {
      GroupDescription: 'clean',
      SecurityGroupIngress: [
        { CidrIp: '203.0.113.7/32', IpProtocol: 'tcp', FromPort: 22, ToPort: 22 },
        { SourceSecurityGroupId: 'sg-0a1b2c3d', IpProtocol: 'tcp', FromPort: 5432, ToPort: 5432 },
      ],
    },
  },
  GroupRule: {
    Type: 'AWS::EC2::SecurityGroupIngress',
    Properties: {
      GroupId: { 'Fn::GetAtt': ['Group', 'GroupId'] },
      CidrIp: '10.11.0.0/16',
      IpProtocol: 'tcp',
      FromPort: 9098,
      ToPort: 9098,
    },
  },
  Role: {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } }],
      },
      Policies: [{ PolicyName: 'inline', PolicyDocument: policy }],
    },
  },
  Policy: {
    Type: 'AWS::IAM::Policy',
    Properties: { PolicyName: 'clean', PolicyDocument: policy, Roles: [{ Ref: 'Role' }] },
  },
  Log: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
}
