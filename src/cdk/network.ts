import { Fn, Stack, Validations } from 'aws-cdk-lib'
import * as ec2 from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import { AddressPlan, PRIVATE_RANGE } from './address-plan.ts'
import type { ZoneAddresses } from './address-plan.ts'
import { FlowLogs } from './flow-logs.ts'
import { natAlarms, natGraphs } from './nat-watch.ts'
import type { WatchedNat } from './nat-watch.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'

export interface NetworkProps {
  /**
   * Ranges of the VPC and its subnets.
   * @default AddressPlan.of(): 10.11.0.0/16, two zones, /24 subnets
   */
  readonly addresses?: AddressPlan
  /**
   * The VPC's name, also the start of its parts' names.
   * @default virtual-private-cloud-lambda
   */
  readonly name?: string
  /**
   * `one` for all zones costs least; `perZone` goes on where a zone is lost.
   * @default one
   */
  readonly natGateways?: 'one' | 'perZone'
  /**
   * Whether refused connections are logged, to CloudWatch.
   * @default true
   */
  readonly flowLogs?: boolean
}

/** One availability zone of a network. */
export interface NetworkZone {
  readonly letter: string
  /** The zone's name: at deployment, the region's zone of this place in the alphabet. */
  readonly availabilityZone: string
  readonly publicSubnet: ec2.CfnSubnet
  readonly privateSubnet: ec2.CfnSubnet
}

/**
 * A VPC with a public and a private subnet in each zone, an internet gateway, NAT for the private ones and free endpoints to
 * S3 and DynamoDB. Synthesizes without credentials: zones are named at deployment. Its L1 resources are public.
 * Warns `weirhouse:public-address-space` on ranges that belong to somebody on the internet.
 */
export class Network extends Construct implements Observable {
  readonly addresses: AddressPlan
  readonly zones: readonly NetworkZone[]
  /** For constructs that take a VPC. It knows ids alone, so depend on {@link internetRoute} for what has to reach out. */
  readonly vpc: ec2.IVpc
  readonly cfnVpc: ec2.CfnVPC
  readonly internetGateway: ec2.CfnInternetGateway
  /** The public default route: what needs the internet at its start depends on it. */
  readonly internetRoute: ec2.CfnRoute
  /** The private default routes: one, or one a zone. */
  readonly natRoutes: readonly ec2.CfnRoute[]
  /** One, or one a zone. */
  readonly natGateways: readonly ec2.CfnNatGateway[]
  readonly endpoints: readonly ec2.CfnVPCEndpoint[]
  readonly #name: string

  constructor(scope: Construct, id: string, props: NetworkProps = {}) {
    super(scope, id)
    const { addresses = AddressPlan.of(), name = 'virtual-private-cloud-lambda', natGateways = 'one' } = props
    this.addresses = addresses
    this.#name = name
    this.cfnVpc = new ec2.CfnVPC(this, 'Vpc', {
      cidrBlock: addresses.vpcRange,
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: [{ key: 'Name', value: name }],
    })
    this.zones = addresses.zones.map((zone, i) => this.#zone(zone, i))
    const { gateway, route, table } = this.#publicRoutes()
    this.internetGateway = gateway
    this.internetRoute = route
    const privates = this.#privateRoutes(natGateways === 'perZone')
    this.natRoutes = privates.routes
    this.natGateways = privates.gateways
    const tables = [table, ...privates.tables]
    this.endpoints = ['s3', 'dynamodb'].map((service) => this.#endpoint(service, tables))
    this.vpc = this.#asVpc(table, privates.tableOf)
    if (props.flowLogs ?? true) new FlowLogs(this, 'FlowLogs', { vpc: this.cfnVpc })
    if (addresses.publicSpace)
      Validations.of(this).addWarning(
        'weirhouse:public-address-space',
        `Network.addresses got ${addresses.vpcRange}, which is public address space: its owner is out of reach from inside. Take AddressPlan.of({ vpcRange: '${PRIVATE_RANGE}' }), which has the same shape, or acknowledge this.`,
      )
  }

  /** Where instances without a public address belong. */
  get privateSubnets(): readonly ec2.CfnSubnet[] {
    return this.zones.map((zone) => zone.privateSubnet)
  }

  get publicSubnets(): readonly ec2.CfnSubnet[] {
    return this.zones.map((zone) => zone.publicSubnet)
  }

  get alarms(): readonly AlarmSpec[] {
    return this.#watchedNats().flatMap((nat) => natAlarms(nat))
  }

  get graphs(): readonly GraphSpec[] {
    return natGraphs(this.#watchedNats())
  }

  #watchedNats(): WatchedNat[] {
    return this.natGateways.map((nat, i) => ({ letter: this.zones[i]!.letter, natGatewayId: nat.ref }))
  }

  #zone({ letter, publicRange, privateRange }: ZoneAddresses, i: number): NetworkZone {
    const availabilityZone = Fn.select(i, Fn.getAzs())
    const subnet = (kind: 'Public' | 'Private', cidrBlock: string) =>
      new ec2.CfnSubnet(this, `${kind}Subnet${letter}`, {
        vpcId: this.cfnVpc.ref,
        cidrBlock,
        availabilityZone,
        mapPublicIpOnLaunch: false, // whoever needs a public address asks for it
        tags: this.#named(`${kind.toLowerCase()}-${letter.toLowerCase()}`),
      })
    return {
      letter,
      availabilityZone,
      publicSubnet: subnet('Public', publicRange),
      privateSubnet: subnet('Private', privateRange),
    }
  }

  #publicRoutes() {
    const gateway = new ec2.CfnInternetGateway(this, 'InternetGateway', { tags: this.#named('internet') })
    const attached = new ec2.CfnVPCGatewayAttachment(this, 'InternetAttachment', {
      vpcId: this.cfnVpc.ref,
      internetGatewayId: gateway.ref,
    })
    const table = this.#routeTable('PublicRoutes', 'public')
    const route = new ec2.CfnRoute(this, 'InternetRoute', {
      routeTableId: table.ref,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: gateway.ref,
    })
    route.addResourceDependency(attached)
    for (const { letter, publicSubnet } of this.zones)
      this.#associate(`PublicAssociation${letter}`, table, publicSubnet)
    return { gateway, route, table }
  }

  /** The first table and gateway keep their ids when the others come, so that going to `perZone` only adds. */
  #privateRoutes(perZone: boolean) {
    const tables: ec2.CfnRouteTable[] = []
    const gateways: ec2.CfnNatGateway[] = []
    const routes: ec2.CfnRoute[] = []
    for (const { letter, publicSubnet } of perZone ? this.zones : this.zones.slice(0, 1)) {
      const suffix = letter.toLowerCase()
      const address = new ec2.CfnEIP(this, `NatAddress${letter}`, { domain: 'vpc', tags: this.#named(`nat-${suffix}`) })
      const nat = new ec2.CfnNatGateway(this, `Nat${letter}`, {
        subnetId: publicSubnet.ref,
        allocationId: address.attrAllocationId,
        tags: this.#named(`nat-${suffix}`),
      })
      nat.addResourceDependency(this.internetRoute)
      gateways.push(nat)
      const table = this.#routeTable(`PrivateRoutes${letter}`, `private-${suffix}`)
      const route = { routeTableId: table.ref, destinationCidrBlock: '0.0.0.0/0', natGatewayId: nat.ref }
      routes.push(new ec2.CfnRoute(this, `NatRoute${letter}`, route))
      tables.push(table)
    }
    const tableOf = (zone: number) => tables[zone] ?? tables[0]!
    for (const [i, { letter, privateSubnet }] of this.zones.entries())
      this.#associate(`PrivateAssociation${letter}`, tableOf(i), privateSubnet)
    return { tables, gateways, routes, tableOf }
  }

  #endpoint(service: string, tables: readonly ec2.CfnRouteTable[]): ec2.CfnVPCEndpoint {
    return new ec2.CfnVPCEndpoint(this, service === 's3' ? 'S3Endpoint' : 'DynamoDbEndpoint', {
      vpcId: this.cfnVpc.ref,
      vpcEndpointType: 'Gateway',
      serviceName: `com.amazonaws.${Stack.of(this).region}.${service}`,
      routeTableIds: tables.map((table) => table.ref),
    })
  }

  #asVpc(publicTable: ec2.CfnRouteTable, tableOf: (zone: number) => ec2.CfnRouteTable): ec2.IVpc {
    return ec2.Vpc.fromVpcAttributes(this, 'AsVpc', {
      vpcId: this.cfnVpc.ref,
      vpcCidrBlock: this.addresses.vpcRange,
      availabilityZones: this.zones.map((zone) => zone.availabilityZone),
      publicSubnetIds: this.publicSubnets.map((subnet) => subnet.ref),
      publicSubnetRouteTableIds: this.zones.map(() => publicTable.ref),
      privateSubnetIds: this.privateSubnets.map((subnet) => subnet.ref),
      privateSubnetRouteTableIds: this.zones.map((_, i) => tableOf(i).ref),
    })
  }

  #routeTable(id: string, suffix: string): ec2.CfnRouteTable {
    return new ec2.CfnRouteTable(this, id, { vpcId: this.cfnVpc.ref, tags: this.#named(suffix) })
  }

  #associate(id: string, table: ec2.CfnRouteTable, subnet: ec2.CfnSubnet): void {
    new ec2.CfnSubnetRouteTableAssociation(this, id, { routeTableId: table.ref, subnetId: subnet.ref })
  }

  #named(suffix: string) {
    return [{ key: 'Name', value: `${this.#name}-${suffix}` }]
  }
}
