import { CfnOutput, CfnParameter, Stack } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { hostAlarm, hostGraph } from './host-watch.ts'
import type { KafkaCluster } from './kafka-cluster.ts'
import { kafkaHostScript } from './kafka-host-script.ts'
import type { Network } from './network.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { READER_ROLE } from '../sinks/postgres/index.ts'
import type { RecordDatabase } from './record-database.ts'
import { refuse } from './refuse.ts'
import { SSH_RANGE_PATTERN } from './ssh-range.ts'
import type { SshRange } from './ssh-range.ts'

export interface OperatorAccessProps {
  readonly network: Network
  /** The cluster that the Kafka host works on. */
  readonly cluster: KafkaCluster
  /**
   * Whether there is a bastion. Without one the Kafka host stands alone: Session Manager reaches it, no port is open and there
   * is no key pair. What follows about SSH is then refused.
   * @default true
   */
  readonly bastion?: boolean
  /**
   * From where the bastion takes SSH.
   * @default a CloudFormation parameter without default, SshRange, for whoever deploys to answer
   */
  readonly sshFrom?: SshRange
  /**
   * Key pair of both hosts.
   * @default a new one, whose private half is kept in Systems Manager
   */
  readonly keyPair?: ec2.IKeyPair
  /**
   * An arm64 type.
   * @default t4g.nano
   */
  readonly bastionInstance?: ec2.InstanceType
  /**
   * An arm64 type; Kafka's tools want 1 GiB of memory at least.
   * @default t4g.small
   */
  readonly kafkaHostInstance?: ec2.InstanceType
  /**
   * The database that the Kafka host's command `database` reads, as the role that `migrate` makes for people.
   * @default none: there is no such command
   */
  readonly database?: RecordDatabase
}

interface Host {
  readonly vpc: ec2.IVpc
  readonly securityGroup: ec2.SecurityGroup
  readonly role: iam.Role
  readonly subnet: ec2.ISubnet
  readonly instanceType: ec2.InstanceType
  readonly keyPair: ec2.IKeyPair | undefined
  readonly isPublic: boolean
  readonly diskGib: number
  readonly userData?: ec2.UserData
}

const SSH = ec2.Port.tcp(22)

/**
 * Hosts for people: a Kafka host in the first private subnet with Java, Kafka's tools and commands around them, and a bastion in
 * the first public one unless it is not wanted. SSH goes from the stated range to the bastion and from there to the Kafka host;
 * Session Manager reaches both without a port.
 */
export class OperatorAccess extends Construct implements Observable {
  readonly kafkaHost: ec2.Instance
  readonly kafkaHostSecurityGroup: ec2.SecurityGroup
  /** Undefined, like its group and the key pair, where it is not wanted. */
  readonly bastion: ec2.Instance | undefined
  readonly bastionSecurityGroup: ec2.SecurityGroup | undefined
  readonly keyPair: ec2.IKeyPair | undefined

  constructor(scope: Construct, id: string, props: OperatorAccessProps) {
    super(scope, id)
    const { network, cluster, bastion = true } = props
    const { vpc } = network
    if (!bastion) refuseSsh(props)
    this.kafkaHostSecurityGroup = new ec2.SecurityGroup(this, 'KafkaHostGroup', { vpc, description: 'Kafka host' })
    const brokersIngress = cluster.letIn(this, this.kafkaHostSecurityGroup)
    if (bastion) {
      this.keyPair = props.keyPair ?? new ec2.KeyPair(this, 'KeyPair', { type: ec2.KeyPairType.ED25519 })
      this.bastionSecurityGroup = this.#bastionGroup(props)
      this.bastion = this.#bastion(props, this.bastionSecurityGroup)
    }
    this.kafkaHost = this.#kafkaHost(props)
    this.kafkaHost.node.addDependency(...network.natRoutes, brokersIngress)
    this.#outputs()
  }

  get alarms(): readonly AlarmSpec[] {
    return this.#hosts().map(([name, { instanceId }]) => hostAlarm(name, instanceId))
  }

  get graphs(): readonly GraphSpec[] {
    return [hostGraph(this.#hosts().map(([name, { instanceId }]) => [name, instanceId]))]
  }

  #hosts(): [name: string, ec2.Instance][] {
    const bastion: [string, ec2.Instance][] = this.bastion ? [['Bastion', this.bastion]] : []
    return [['KafkaHost', this.kafkaHost], ...bastion]
  }

  #bastionGroup(props: OperatorAccessProps): ec2.SecurityGroup {
    const { vpc } = props.network
    const group = new ec2.SecurityGroup(this, 'BastionGroup', { vpc, description: 'Bastion' })
    group.addIngressRule(ec2.Peer.ipv4(this.#sshFrom(props)), SSH, 'SSH from the stated range')
    this.kafkaHostSecurityGroup.addIngressRule(group, SSH, 'SSH from the bastion')
    return group
  }

  #bastion({ network, bastionInstance }: OperatorAccessProps, securityGroup: ec2.SecurityGroup): ec2.Instance {
    const bastion = this.#host('Bastion', {
      vpc: network.vpc,
      securityGroup,
      role: this.#role('BastionRole'),
      subnet: network.vpc.publicSubnets[0]!,
      instanceType: armType('bastionInstance', bastionInstance ?? new ec2.InstanceType('t4g.nano')),
      keyPair: this.keyPair,
      isPublic: true,
      diskGib: 8,
    })
    bastion.node.addDependency(network.internetRoute)
    return bastion
  }

  #sshFrom({ sshFrom }: OperatorAccessProps): string {
    if (sshFrom) return sshFrom.cidr
    const parameter = new CfnParameter(this, 'SshRange', {
      description: 'From where the bastion takes SSH, such as 203.0.113.7/32; no wider than a /8',
      allowedPattern: SSH_RANGE_PATTERN,
      constraintDescription: 'an IPv4 range from /8 to /32, such as 203.0.113.7/32',
    })
    parameter.overrideLogicalId('SshRange')
    return parameter.valueAsString
  }

  #role(id: string): iam.Role {
    return new iam.Role(this, id, { assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com') })
  }

  #kafkaHost({ network, cluster, kafkaHostInstance, database }: OperatorAccessProps): ec2.Instance {
    const role = this.#role('KafkaHostRole')
    const granted = cluster.grantOperate(role)
    if (database) {
      database.letIn(this, this.kafkaHostSecurityGroup)
      role.addToPolicy(database.login(READER_ROLE))
    }
    // The service knows no resource for this action, hence the star.
    role.addToPolicy(new iam.PolicyStatement({ actions: ['kafka:GetBootstrapBrokers'], resources: ['*'] }))
    const script = kafkaHostScript({
      clusterArn: cluster.arn,
      region: Stack.of(this).region,
      tools: cluster.version.tools,
      ...(database && { databaseHost: database.host }),
    })
    const host = this.#host('KafkaHost', {
      vpc: network.vpc,
      securityGroup: this.kafkaHostSecurityGroup,
      role,
      subnet: network.vpc.privateSubnets[0]!,
      instanceType: armType('kafkaHostInstance', kafkaHostInstance ?? new ec2.InstanceType('t4g.small')),
      keyPair: this.keyPair,
      isPublic: false,
      diskGib: 16,
      userData: ec2.UserData.custom(script),
    })
    granted.applyBefore(host)
    return host
  }

  #host(id: string, host: Host): ec2.Instance {
    host.role.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName('AmazonSSMManagedInstanceCore'))
    const volume = ec2.BlockDeviceVolume.ebs(host.diskGib, { encrypted: true, volumeType: ec2.EbsDeviceVolumeType.GP3 })
    return new ec2.Instance(this, id, {
      vpc: host.vpc,
      vpcSubnets: { subnets: [host.subnet] },
      associatePublicIpAddress: host.isPublic,
      instanceType: host.instanceType,
      machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
      securityGroup: host.securityGroup,
      role: host.role,
      ...(host.keyPair && { keyPair: host.keyPair }),
      httpTokens: ec2.HttpTokens.REQUIRED,
      detailedMonitoring: true,
      blockDevices: [{ deviceName: '/dev/xvda', volume }],
      ...(host.userData && { userData: host.userData, userDataCausesReplacement: true }),
    })
  }

  /** Under their own names: `weirhouse connect` looks for them. */
  #outputs(): void {
    const { bastion, kafkaHost, keyPair } = this
    const values = {
      BastionAddress: bastion?.instancePublicIp,
      BastionId: bastion?.instanceId,
      KafkaHostAddress: kafkaHost.instancePrivateIp,
      KafkaHostId: kafkaHost.instanceId,
      KeyPairParameter: keyPair instanceof ec2.KeyPair ? keyPair.privateKey.parameterName : undefined,
    }
    for (const [name, value] of Object.entries(values))
      if (value !== undefined) new CfnOutput(this, name, { value }).overrideLogicalId(name)
  }
}

/** Without a bastion nothing takes SSH, and what is said of it would be passed over. */
function refuseSsh({ sshFrom, keyPair, bastionInstance }: OperatorAccessProps): void {
  const given = { sshFrom: sshFrom?.cidr, keyPair: keyPair?.node.path, bastionInstance: bastionInstance?.toString() }
  for (const [name, got] of Object.entries(given))
    if (got !== undefined)
      refuse({
        what: `OperatorAccess.${name}`,
        got,
        why: 'with bastion: false nothing takes SSH',
        instead: 'leave it out, or give bastion: true',
      })
}

/** The image is for arm64: another type would not start. */
function armType(what: string, type: ec2.InstanceType): ec2.InstanceType {
  if (type.architecture !== ec2.InstanceArchitecture.ARM_64)
    refuse({
      what: `OperatorAccess.${what}`,
      got: type.toString(),
      why: 'the hosts run on arm64',
      instead: 'take a type with a g in its family, such as t4g.small',
    })
  return type
}
