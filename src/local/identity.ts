import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AwsKeys } from './service.ts'

export const LOCAL_REGION = 'us-east-1'
const LOCAL_ACCOUNT = '000000000000'
const FILE = 'identity.json'
/** Owner only: the file holds keys. */
const PRIVATE = 0o600

/** What makes a stack the same one when its data are kept: names, keys, ids. */
export interface Identity {
  readonly keys: AwsKeys
  readonly postgresPassword: string
  /** 22 characters base64url, as Kafka wants it. */
  readonly kafkaClusterId: string
  readonly clusterArn: string
  /** Event source mapping by pipeline; the UUID is its consumer group. */
  readonly mappings: Readonly<Record<string, string>>
}

/** An identity on one cluster. */
export interface StackIdentity extends Identity {
  /** Consumer group by pipeline. */
  readonly groups: Readonly<Record<string, string>>
}

/** On the stack's own brokers: the group of a mapping is its UUID, as on AWS. */
export function ownIdentity(identity: Identity): StackIdentity {
  return { ...identity, groups: identity.mappings }
}

/** What the groups begin with on brokers that somebody else runs. */
const GROUP_PREFIX = 'weirhouse-'

/** By pipeline; they share a beginning, so that a right on all of them can be given at once. */
export function externalGroups({ mappings }: Identity): Readonly<Record<string, string>> {
  const named = Object.entries(mappings).map(([name, uuid]) => [name, `${GROUP_PREFIX}${name}-${uuid}`])
  return Object.fromEntries(named) as Record<string, string>
}

/**
 * On brokers that somebody else runs. Their cluster has a name of its own, so that stores which were kept do not take its
 * records for those of another.
 */
export function externalIdentity(identity: Identity, clusterId: string): StackIdentity {
  const clusterArn = `arn:aws:kafka:${LOCAL_REGION}:${LOCAL_ACCOUNT}:cluster/external/${clusterId}`
  return { ...identity, clusterArn, groups: externalGroups(identity) }
}

/** Reads the identity kept beside the data, or makes one up; adds mappings for pipelines that have none yet. */
export function loadIdentity(dataFolder: string, pipelines: readonly string[]): Identity {
  const file = join(dataFolder, FILE)
  const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Identity) : newIdentity()
  const mappings = Object.fromEntries(pipelines.map((name) => [name, kept.mappings[name] ?? randomUUID()]))
  const identity = { ...kept, mappings: { ...kept.mappings, ...mappings } }
  mkdirSync(dataFolder, { recursive: true })
  writeFileSync(file, JSON.stringify(identity, null, 2), { mode: PRIVATE })
  return identity
}

function newIdentity(): Identity {
  return {
    // DynamoDB Local allows letters and digits only, and keeps the data of each access key apart.
    keys: {
      accessKeyId: `WEIR${randomBytes(8).toString('hex').toUpperCase()}`,
      secretAccessKey: randomBytes(20).toString('hex'),
    },
    postgresPassword: randomBytes(16).toString('hex'),
    // Kafka's own ids never begin with '-', which its tools would read as an option.
    kafkaClusterId: `w${randomBytes(16).toString('base64url').slice(1)}`,
    clusterArn: `arn:aws:kafka:${LOCAL_REGION}:${LOCAL_ACCOUNT}:cluster/weirhouse-local/${randomUUID()}`,
    mappings: {},
  }
}

/** The ARN that a function of this name has in the sandbox. */
export function functionArn(name: string): string {
  return `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT}:function:${name}`
}

/** The ARN of an event source mapping of that UUID. */
export function mappingArn(uuid: string): string {
  return `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT}:event-source-mapping:${uuid}`
}
