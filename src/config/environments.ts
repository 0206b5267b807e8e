/**
 * Environments of weirhouse.config.ts: what of a project stands on AWS under one name. Plain data: `weirhouse/cdk` turns it into
 * settings (src/cdk/settings.ts), which check it against what the services take.
 */
import * as v from 'valibot'
import { describe } from '../core/options.ts'

const text = v.pipe(v.string(), v.minLength(1))
const whole = v.pipe(v.number(), v.integer(), v.minValue(0))

/** Where not given, the preset decides: src/cdk/presets.ts. */
const network = v.strictObject({
  range: describe(v.optional(text), "The VPC's range, such as 10.11.0.0/16."),
  zones: describe(v.optional(whole), 'Availability zones, 2 to 6; a later one renumbers nothing.', 'zones'),
  natGateways: describe(
    v.optional(v.picklist(['one', 'perZone'])),
    'One NAT gateway costs least; one a zone goes on where a zone is lost.',
  ),
  flowLogs: describe(v.optional(v.boolean()), 'Whether refused connections are logged.'),
})

const kafka = v.strictObject({
  name: describe(v.optional(text), "The cluster's name. Cannot be changed later."),
  version: describe(v.optional(text), "Kafka's version in MSK's words, such as 4.1.x.kraft."),
  allowPastSupport: describe(
    v.optional(v.boolean(), false),
    'Takes a version that MSK no longer mends, with a warning.',
  ),
  instance: describe(v.optional(text), 'Type of the brokers, such as kafka.m7g.large.'),
  storageGib: describe(v.optional(whole), 'Disk of each broker. It can grow later, never shrink.', 'GiB'),
  brokersPerZone: describe(v.optional(whole), 'Brokers in each zone.', 'brokers'),
  replication: describe(v.optional(whole), 'Brokers that hold each record of a topic that does not say.', 'replicas'),
  minInsyncReplicas: describe(
    v.optional(whole),
    'How many of them must have a record before it counts as written.',
    'replicas',
  ),
})

const database = v.strictObject({
  instance: describe(v.optional(text), 'Type of the RDS instance, such as t4g.micro.'),
  storageGib: describe(v.optional(whole), 'Its disk, 20 at least.', 'GiB'),
  multiAz: describe(v.optional(v.boolean()), 'Whether a standby in another zone takes over.'),
  backupDays: describe(v.optional(whole), 'How long daily backups are kept, 1 to 35.', 'days'),
})

const access = v.strictObject({
  hosts: describe(
    v.optional(v.picklist(['bastion', 'sessionManager', 'none'])),
    'bastion: a public bastion and a private Kafka host, by SSH. sessionManager: the Kafka host alone, without a port. none: neither.',
  ),
  sshFrom: describe(
    v.optional(text),
    'From where the bastion takes SSH, such as 203.0.113.7/32. Where not given, deploying asks for it.',
  ),
})

const provisioned = v.strictObject({
  minimum: describe(v.optional(whole), 'Pollers at all times, 1 to 200, paid by the hour.', 'pollers'),
  maximum: describe(v.optional(whole), 'Pollers at most, 1 to 2000.', 'pollers'),
  retries: describe(
    v.optional(whole),
    'How often a failed batch is sent again, 0 to 10000. A number weakens the guarantee: records are given up. Where not given, until it succeeds.',
  ),
  maxAgeSeconds: describe(
    v.optional(whole),
    'Records older than this are not sent again. It weakens the guarantee as well.',
    's',
  ),
  bisectOnError: describe(v.optional(v.boolean()), 'Whether a failed batch is halved and sent again.'),
})

const observe = v.strictObject({
  alarms: describe(v.optional(v.boolean()), 'Whether there are CloudWatch alarms.'),
  dashboard: describe(v.optional(v.boolean()), 'Whether there is a CloudWatch dashboard.'),
  email: describe(
    v.optional(v.pipe(v.string(), v.email('is no address'))),
    'Who is told of alarms. Where not given, a topic of Amazon SNS is there to subscribe to.',
  ),
  logDays: describe(
    v.optional(whole),
    "How long logs are kept: one of CloudWatch's periods, such as 7, 30, 90.",
    'days',
  ),
})

/** One environment. Everything but the preset may be left out. */
export const environmentOptions = v.strictObject({
  preset: describe(
    v.picklist(['spec', 'minimal']),
    'spec: every line of the specification. minimal: the cheapest that works. What is named below overrides it.',
  ),
  region: describe(v.optional(text), 'AWS region; where not given, that of whoever deploys.'),
  account: describe(
    v.optional(v.pipe(v.string(), v.regex(/^\d{12}$/, 'is no account: 12 digits'))),
    'AWS account that deploying is held to.',
  ),
  network: describe(v.optional(network, {}), 'The VPC and its subnets.'),
  kafka: describe(v.optional(kafka, {}), 'The Amazon MSK cluster.'),
  database: describe(v.optional(database, {}), 'The Amazon RDS instance, where a pipeline has a PostgreSQL sink.'),
  access: describe(v.optional(access, {}), 'How people reach the cluster.'),
  poller: describe(
    v.optional(v.union([v.literal('onDemand'), provisioned])),
    "How the event source mapping polls: 'onDemand', or an object for provisioned pollers.",
  ),
  observe: describe(v.optional(observe, {}), 'Logs, alarms, dashboard.'),
  keepData: describe(
    v.optional(v.boolean()),
    'Whether cluster, bucket, tables and database outlive the stacks: `destroy` then leaves them.',
  ),
})

export type Environment = v.InferOutput<typeof environmentOptions>
export type EnvironmentInput = v.InferInput<typeof environmentOptions>

/** Part of stack names and of a database role's: short, and letters that all of them take. */
export const environmentName = v.pipe(
  v.string(),
  v.regex(/^[a-z][a-z0-9-]{0,19}$/, 'use a-z, 0-9 and -, a letter first, at most 20'),
)
