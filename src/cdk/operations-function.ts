import { Stack } from 'aws-cdk-lib'
import type * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import type * as lambda from 'aws-cdk-lib/aws-lambda'
import type * as logs from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { makeFunction } from './function-parts.ts'
import type { Network } from './network.ts'
import { DATABASE_NAME, DATABASE_PORT } from './database-address.ts'
import { TRUST_RDS } from './record-database.ts'
import type { RecordDatabase } from './record-database.ts'

export interface OperationsFunctionProps {
  /** A folder with the bundle of operations. */
  readonly codeFolder: string
  readonly network: Network
  /** Whose administrator it connects as. */
  readonly database: RecordDatabase
  /**
   * How long its log is kept.
   * @default one month
   */
  readonly logRetention?: logs.RetentionDays
}

const TIMEOUT_SECONDS = 300
const MEMORY_MB = 512

/**
 * What operates stores that only the VPC reaches, such as `migrate`. Nothing triggers it: people who may invoke it do, and see
 * what it answers. Who may is who may change every table of the database.
 */
export class OperationsFunction extends Construct {
  readonly function: lambda.Function
  readonly role: iam.Role
  readonly logGroup: logs.LogGroup
  readonly securityGroup: ec2.SecurityGroup

  constructor(scope: Construct, id: string, { codeFolder, network, database, logRetention }: OperationsFunctionProps) {
    super(scope, id)
    const { secretArn, host } = database
    const postgres = { host, port: DATABASE_PORT, database: DATABASE_NAME, secretArn }
    const parts = makeFunction(this, {
      what: 'OperationsFunction',
      description: 'Weirhouse: operations within the VPC',
      codeFolder,
      memoryMb: MEMORY_MB,
      timeoutSeconds: TIMEOUT_SECONDS,
      environment: { WEIRHOUSE_OPERATIONS: Stack.of(this).toJsonString({ postgres }), ...TRUST_RDS },
      statements: [new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] })],
      connections: [{ group: database.securityGroup, port: DATABASE_PORT, what: 'PostgreSQL' }],
      network,
      logRetention,
    })
    this.function = parts.function
    this.role = parts.role
    this.logGroup = parts.logGroup
    this.securityGroup = parts.securityGroup!
  }
}
