import { ArnFormat, Duration, Names, RemovalPolicy, Stack } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as logs from 'aws-cdk-lib/aws-logs'
import * as rds from 'aws-cdk-lib/aws-rds'
import { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { databaseRole } from '../sinks/postgres/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { DATABASE_NAME, DATABASE_PORT } from './database-address.ts'
import { databaseAlarms, databaseGraphs } from './database-watch.ts'
import { DatabaseSize } from './database-size.ts'
import { requireKind } from './grants.ts'
import type { Network } from './network.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { refuse, wholeNumber } from './refuse.ts'
import type { SinkBinding, SinkStore } from './sink-store.ts'

/** Lambda's file of certificates has those of RDS; Node.js reads it where this variable names it. */
export const TRUST_RDS = { NODE_EXTRA_CA_CERTS: '/var/runtime/ca-cert.pem' } as const

export interface RecordDatabaseProps {
  /** The instance goes to its private subnets. */
  readonly network: Network
  /**
   * Cannot be changed later. Lower-case letters, digits and hyphens, 63 at most.
   * @default made of stack and construct
   */
  readonly name?: string
  /** @default DatabaseSize.of(): t4g.micro with 20 GiB */
  readonly size?: DatabaseSize
  /**
   * Whether a standby in another zone takes over where one is lost.
   * @default false
   */
  readonly multiAz?: boolean
  /**
   * How long daily backups are kept, 1 to 35.
   * @default 7
   */
  readonly backupDays?: number
  /**
   * Whether the instance, its group and its settings stay when their stack goes, and it is protected from being deleted.
   * Where not, its backups go with it.
   * @default true
   */
  readonly keepData?: boolean
  /**
   * How long its logs are kept.
   * @default one month
   */
  readonly logRetention?: logs.RetentionDays
}

const NAME = /^[a-z](?:-?[a-z0-9])*$/
const MAX_NAME = 63
const LOGS = ['postgresql', 'upgrade']

/**
 * RDS for PostgreSQL 17 in private subnets: encrypted, TLS alone, its administrator's password made and rotated by RDS.
 * Functions connect by IAM, each as its pipeline's own role, which `migrate` makes. Having a name, the instance is never
 * replaced by an empty one: CloudFormation refuses a change that would.
 */
export class RecordDatabase extends Construct implements SinkStore, Observable {
  readonly size: DatabaseSize
  readonly instance: rds.DatabaseInstance
  readonly securityGroup: ec2.SecurityGroup
  readonly parameterGroup: rds.ParameterGroup
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]

  constructor(scope: Construct, id: string, props: RecordDatabaseProps) {
    super(scope, id)
    this.size = props.size ?? DatabaseSize.of()
    const { vpc } = props.network
    const removalPolicy = (props.keepData ?? true) ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY
    const engine = rds.DatabaseInstanceEngine.postgres({ version: rds.PostgresEngineVersion.VER_17 })
    this.securityGroup = new ec2.SecurityGroup(this, 'Group', { vpc, description: 'Database', allowAllOutbound: false })
    this.parameterGroup = new rds.ParameterGroup(this, 'Parameters', {
      engine,
      parameters: { 'rds.force_ssl': '1' },
      removalPolicy,
    })
    // What the instance uses cannot go before it.
    this.securityGroup.applyRemovalPolicy(removalPolicy)
    this.instance = this.#instance(props, engine, removalPolicy)
    const watched = { instance: this.instance.instanceIdentifier, size: this.size }
    this.alarms = databaseAlarms(watched)
    this.graphs = databaseGraphs(watched)
  }

  /** Of the administrator's name and password, in Secrets Manager. */
  get secretArn(): string {
    return this.instance.secret!.secretArn
  }

  get host(): string {
    return this.instance.dbInstanceEndpointAddress
  }

  /** Ingress on the database, written into the stack of `from`, so that the database's stack never changes for it. */
  letIn(scope: Construct, from: ec2.ISecurityGroup): ec2.CfnSecurityGroupIngress {
    return new ec2.CfnSecurityGroupIngress(scope, 'ToDatabase', {
      groupId: this.securityGroup.securityGroupId,
      sourceSecurityGroupId: from.securityGroupId,
      ipProtocol: 'tcp',
      fromPort: DATABASE_PORT,
      toPort: DATABASE_PORT,
      description: 'PostgreSQL by TLS',
    })
  }

  /** Logging in by IAM as this role of the database, and no other. */
  login(user: string): iam.PolicyStatement {
    const resource = Stack.of(this).formatArn({
      service: 'rds-db',
      resource: 'dbuser',
      resourceName: `${this.instance.instanceResourceId}/${user}`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    return new iam.PolicyStatement({ actions: ['rds-db:connect'], resources: [resource] })
  }

  /** Connecting as the pipeline's role. What that role may do in the database is granted there, by `migrate`. */
  bind(pipeline: Pipeline, sink: SinkDefinition): SinkBinding {
    requireKind('RecordDatabase', 'postgres', pipeline, sink)
    const user = databaseRole(pipeline.name)
    return {
      binding: { host: this.host, port: DATABASE_PORT, database: DATABASE_NAME, user, ssl: 'verify', auth: 'iam' },
      environment: TRUST_RDS,
      statements: [this.login(user)],
      connections: [{ group: this.securityGroup, port: DATABASE_PORT, what: 'PostgreSQL' }],
    }
  }

  #instance(
    props: RecordDatabaseProps,
    engine: rds.IInstanceEngine,
    removalPolicy: RemovalPolicy,
  ): rds.DatabaseInstance {
    const { keepData = true, multiAz = false, backupDays = 7 } = props
    const { vpc } = props.network
    const name = props.name === undefined ? this.#ownName() : plainName(props.name)
    const instance = new rds.DatabaseInstance(this, 'Instance', {
      engine,
      instanceIdentifier: name,
      instanceType: new ec2.InstanceType(this.size.instance),
      vpc,
      vpcSubnets: { subnets: vpc.privateSubnets },
      securityGroups: [this.securityGroup],
      publiclyAccessible: false,
      port: DATABASE_PORT,
      databaseName: DATABASE_NAME,
      parameterGroup: this.parameterGroup,
      storageType: rds.StorageType.GP3,
      allocatedStorage: this.size.storageGib,
      storageEncrypted: true,
      manageMasterUserPassword: true,
      iamAuthentication: true,
      multiAz,
      autoMinorVersionUpgrade: true,
      allowMajorVersionUpgrade: false,
      backupRetention: Duration.days(wholeNumber('RecordDatabase.backupDays', backupDays, 1, 35)),
      deleteAutomatedBackups: !keepData,
      copyTagsToSnapshot: true,
      deletionProtection: keepData,
      removalPolicy,
      cloudwatchLogsExports: LOGS,
    })
    instance.node.addDependency(...this.#logGroups(name, props.logRetention))
    return instance
  }

  /** RDS writes to groups of these names. Made by it, they would be kept for ever; made here, they have an end. */
  #logGroups(name: string, retention = logs.RetentionDays.ONE_MONTH): logs.LogGroup[] {
    return LOGS.map(
      (log) =>
        new logs.LogGroup(this, `Log-${log}`, {
          logGroupName: `/aws/rds/instance/${name}/${log}`,
          retention,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
    )
  }

  #ownName(): string {
    const made = Names.uniqueResourceName(this, { maxLength: MAX_NAME, separator: '-', allowedSpecialCharacters: '-' })
    return plainName(made.toLowerCase().replaceAll(/-+/g, '-'))
  }
}

function plainName(name: string): string {
  if (!NAME.test(name) || name.length > MAX_NAME)
    refuse({
      what: 'RecordDatabase.name',
      got: name,
      why: 'a name has lower-case letters, digits and single inner hyphens, a letter first, 63 at most',
      instead: 'write it like weirhouse-orders',
    })
  return name
}
