/** A Kafka broker as a company runs it: logins, TLS, access control. One node, one JVM. */
import { Admin, alterUserScramCredentialsV0, Connection } from '@platformatic/kafka'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCluster } from '../../src/kafka/cluster.ts'
import type { KafkaConnection } from '../../src/kafka/connection.ts'
import { choosePorts } from '../../src/local/ports.ts'
import { recordProcesses, waitReady, type Running } from '../../src/local/process.ts'
import { prepareJava, startJava, writeConfig } from '../../src/local/services/java-server.ts'
import { metaProperties } from '../../src/local/services/kafka.ts'
import type { Authority } from './certificates.ts'
import { randomClusterId } from './start.ts'

const READY_MS = 60_000
const ITERATIONS = 4096
const SCRAM_SHA_512 = 2
/** Sessions of tokens are renewed so often: in a test, within sight. */
export const REAUTHENTICATE_MS = 2000

export interface SecuredKafka {
  /** `host:port` by kind of listener; `ssl` wants a certificate of the client. */
  readonly listeners: Readonly<Record<'plain' | 'sasl' | 'saslSsl' | 'ssl', string>>
  /** Who may do anything, through the `plain` listener. */
  readonly superuser: KafkaConnection
  readonly process: Running
  addUser(name: string, password: string): Promise<void>
  allow(user: string, rules: readonly Rule[]): Promise<void>
  stop(): Promise<void>
}

/** Kafka's numbers: resource 2 topic, 3 group; pattern 3 literal, 4 prefixed. */
export interface Rule {
  readonly on: 'topic' | 'group'
  /** A name, or with `*` at its end the beginning of names. */
  readonly name: string
  readonly operations: readonly (keyof typeof OPERATIONS)[]
}

const OPERATIONS = { read: 3, write: 4, create: 5, describe: 8 } as const

export interface SecuredKafkaOptions {
  readonly folder: string
  readonly authority: Authority
  /** Of SASL/PLAIN, which has its users in the broker's own configuration. */
  readonly plainUser: { readonly name: string; readonly password: string }
}

export async function startSecuredKafka(options: SecuredKafkaOptions): Promise<SecuredKafka> {
  const { folder, authority } = options
  mkdirSync(folder, { recursive: true })
  const ports = await choosePorts(['controller', 'plain', 'sasl', 'saslSsl', 'ssl'])
  const { certificate, key } = authority.issue('broker', ['localhost'])
  writeFileSync(join(folder, 'broker.pem'), key + certificate)
  writeFileSync(join(folder, 'authority.pem'), authority.certificate)
  const program = await prepareJava('kafka', { folder, ports: [] })
  await writeConfig(join(folder, 'data'), 'meta.properties', metaProperties(randomClusterId(), 1))
  const config = await writeConfig(folder, 'broker.properties', broker(options, ports))
  const process = await startJava(
    program,
    { folder, ports: [] },
    {
      server: 'secured Kafka',
      jvm: ['-Xms128m', '-Xmx256m'],
      main: 'kafka.Kafka',
      args: [config],
    },
  )
  recordProcesses(folder, [process.record])
  const superuser = { bootstrap: [`localhost:${ports.plain}`] }
  await using cluster = openCluster(superuser)
  await waitReady(process, async () => (await cluster.brokers()) === 1, READY_MS)
  return {
    listeners: {
      plain: `localhost:${ports.plain}`,
      sasl: `localhost:${ports.sasl}`,
      saslSsl: `localhost:${ports.saslSsl}`,
      ssl: `localhost:${ports.ssl}`,
    },
    superuser,
    process,
    addUser: (name, password) => addUser(ports.plain, name, password),
    allow: (user, rules) => allow(superuser, user, rules),
    stop: () => process.stop(),
  }
}

const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const OAUTH = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule'

type Ports = Readonly<Record<'controller' | 'plain' | 'sasl' | 'saslSsl' | 'ssl', number>>

function broker({ folder, plainUser }: SecuredKafkaOptions, ports: Ports): string[] {
  const listeners = [
    `PLAIN://localhost:${ports.plain}`,
    `SASL://localhost:${ports.sasl}`,
    `SASLSSL://localhost:${ports.saslSsl}`,
    `SSL://localhost:${ports.ssl}`,
  ].join(',')
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${ports.controller}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,SASLSSL:SASL_SSL,SSL:SSL',
    `listeners=CONTROLLER://127.0.0.1:${ports.controller},${listeners}`,
    `advertised.listeners=${listeners}`,
    'inter.broker.listener.name=PLAIN',
    `log.dirs=${join(folder, 'data')}`,
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:ANONYMOUS',
    'listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN,OAUTHBEARER',
    `listener.name.sasl.scram-sha-512.sasl.jaas.config=${SCRAM} required;`,
    `listener.name.sasl.plain.sasl.jaas.config=${PLAIN} required user_${plainUser.name}="${plainUser.password}";`,
    `listener.name.sasl.oauthbearer.sasl.jaas.config=${OAUTH} required unsecuredLoginStringClaim_sub="broker";`,
    `listener.name.sasl.oauthbearer.connections.max.reauth.ms=${REAUTHENTICATE_MS}`,
    'listener.name.saslssl.sasl.enabled.mechanisms=SCRAM-SHA-512',
    `listener.name.saslssl.scram-sha-512.sasl.jaas.config=${SCRAM} required;`,
    'listener.name.ssl.ssl.client.auth=required',
    'ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/',
    'ssl.keystore.type=PEM',
    `ssl.keystore.location=${join(folder, 'broker.pem')}`,
    'ssl.truststore.type=PEM',
    `ssl.truststore.location=${join(folder, 'authority.pem')}`,
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    'log.cleaner.dedupe.buffer.size=2097152',
    'num.network.threads=2',
    'num.io.threads=2',
    // a broker makes whoever failed a login wait before it hangs up
    'connection.failed.authentication.delay.ms=0',
  ]
}

async function addUser(port: number, name: string, password: string): Promise<void> {
  const salt = randomBytes(16)
  const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512')
  const connection = new Connection('test')
  await connection.connect('localhost', port)
  const credential = { name, mechanism: SCRAM_SHA_512, iterations: ITERATIONS, salt, saltedPassword }
  await alterUserScramCredentialsV0.api.async(connection, [], [credential])
  await connection.close()
}

const RESOURCES = { topic: 2, group: 3 } as const
const LITERAL = 3
const PREFIXED = 4
const ALLOW = 3

async function allow({ bootstrap }: KafkaConnection, user: string, rules: readonly Rule[]): Promise<void> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [...bootstrap] })
  const creations = rules.flatMap(({ on, name, operations }) =>
    operations.map((operation) => ({
      resourceType: RESOURCES[on],
      resourceName: name.replace(/\*$/, ''),
      resourcePatternType: name.endsWith('*') ? PREFIXED : LITERAL,
      principal: `User:${user}`,
      host: '*',
      operation: OPERATIONS[operation],
      permissionType: ALLOW,
    })),
  )
  await admin.createAcls({ creations: creations as Parameters<Admin['createAcls']>[0]['creations'] })
  await admin.close()
}
