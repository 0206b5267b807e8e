/** Brokers that somebody else runs: with TLS, logins and rights, and as a stack's. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { openAdmin } from '../../src/kafka/admin.ts'
import { openCluster } from '../../src/kafka/cluster.ts'
import type { KafkaConnection } from '../../src/kafka/connection.ts'
import { reachKafka } from '../../src/kafka/reach.ts'
import { isAlive } from '../../src/local/process.ts'
import type { Target } from '../../src/operations/target.ts'
import { createAuthority } from '../support/certificates.ts'
import { kafkaTool } from '../support/foreign.ts'
import { weirhouseHere } from '../support/in-process.ts'
import { REAUTHENTICATE_MS, startSecuredKafka, type SecuredKafka } from '../support/secured-kafka.ts'
import { root, weirhouseJson } from '../support/weirhouse.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-own-kafka-'))
const authority = createAuthority('ours')
/** What a person waits at most for a fault to be told, of a machine that does other things as well. */
const TOLD_MS = 10_000
const password = 'a secret; with = signs'
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const trusted = join(folder, 'trusted.pem')

let secured: SecuredKafka

beforeAll(async () => {
  writeFileSync(trusted, authority.certificate)
  writeFileSync(join(folder, 'stranger.pem'), createAuthority('theirs').certificate)
  const own = authority.issue('certified')
  writeFileSync(join(folder, 'certified.pem'), own.key + own.certificate)
  secured = await startSecuredKafka({
    folder: join(folder, 'kafka'),
    authority,
    plainUser: { name: 'plain', password },
  })
  await secured.addUser('scram', password)
  for (const user of ['scram', 'plain', 'certified'])
    await secured.allow(user, [
      { on: 'topic', name: 'open-*', operations: ['read', 'write', 'describe'] },
      { on: 'group', name: 'console-consumer-*', operations: ['read', 'describe'] },
    ])
})

afterAll(async () => {
  await secured?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const trust = ['ssl.truststore.type=PEM', `ssl.truststore.location=${trusted}`]
const scram = (secret: string) => [
  'sasl.mechanism=SCRAM-SHA-512',
  `sasl.jaas.config=${SCRAM} required username="scram" password="${secret}";`,
]

let files = 0
/** Every line of this suite names its brokers; a folder without a project will do. */
const run = (args: readonly string[], project = folder) => weirhouseHere([...args, '--project', project])

function fileOf(lines: readonly string[], name = 'input'): string {
  const file = join(folder, `${name}-${files++}`)
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''))
  return file
}

describe("the file that Kafka's own tools take", () => {
  const ways: [string, keyof SecuredKafka['listeners'], () => string[]][] = [
    ['SCRAM over TLS', 'saslSsl', () => ['security.protocol=SASL_SSL', ...scram(password), ...trust]],
    [
      'PLAIN',
      'sasl',
      () => [
        'security.protocol=SASL_PLAINTEXT',
        'sasl.mechanism=PLAIN',
        `sasl.jaas.config=${PLAIN} required username="plain" password="${password}";`,
      ],
    ],
    [
      'a certificate of the client',
      'ssl',
      () => [
        'security.protocol=SSL',
        ...trust,
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${join(folder, 'certified.pem')}`,
      ],
    ],
  ]

  test.each(ways)('%s: what the one sends, the other reads', async (_, listener, lines) => {
    const topic = `open-${listener}`
    const admin = openAdmin(secured.superuser)
    await admin.createTopic({ topic, partitions: 1, replication: 1, configs: {} })
    await admin.close()
    const file = fileOf([...lines(), 'client.id=mine', 'acks=all'])
    const brokers = ['--bootstrap-server', secured.listeners[listener]]
    const ours = [...brokers, '--command-config', file]
    const sending = ['--topic', topic, ...brokers, '--producer.config', file]
    const theirs = await kafkaTool('org.apache.kafka.tools.ConsoleProducer', sending, 'theirs\n')
    expect(theirs).not.toContain('ERROR')
    const sent = await run(['produce', ...ours, '--topic', topic, fileOf(['ours'])])
    expect(sent, sent.stderr).toMatchObject({ code: 0 })
    expect(sent.stderr).toContain(`Not used of ${file}: acks`)
    const listed = await run(['topics', 'list', ...ours, '--json'])
    expect(JSON.parse(listed.stdout)).toContainEqual({ topic, partitions: 1, replication: 1 })
    const reading = ['--topic', topic, '--from-beginning', '--max-messages', '2']
    expect((await run(['consume', ...ours, ...reading])).stdout).toBe('theirs\nours\n')
    if (listener !== 'saslSsl') return
    const consumer = 'org.apache.kafka.tools.consumer.ConsoleConsumer'
    const read = await kafkaTool(consumer, [...reading, ...brokers, '--consumer.config', file])
    expect(read).toBe('theirs\nours\n')
  })
})

/** One line with the code and the cure, and nothing of a stack trace. */
async function toldSoon(args: readonly string[], project = folder): Promise<string> {
  const began = performance.now()
  const { code, stdout, stderr } = await run(args, project)
  expect(performance.now() - began).toBeLessThan(TOLD_MS)
  expect({ code, stdout }, stderr).toEqual({ code: 1, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  expect(lines.filter((line) => line.startsWith('WEIR_'))).toEqual([lines.at(-1)])
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(stderr).not.toContain(password)
  return lines.at(-1)!
}

describe('what keeps a client out is told at once, with a cure', () => {
  const sasl = ['security.protocol=SASL_SSL', ...scram(password)]
  const stranger = ['ssl.truststore.type=PEM', `ssl.truststore.location=${join(folder, 'stranger.pem')}`]
  test.each<[string, keyof SecuredKafka['listeners'], string[], RegExp, string?]>([
    [
      'a wrong password over TLS',
      'saslSsl',
      ['security.protocol=SASL_SSL', ...scram('wrong'), ...trust],
      /^WEIR_KAFKA_LOGIN: .*Check user and password/,
    ],
    [
      'a wrong password with PLAIN',
      'sasl',
      [
        'security.protocol=SASL_PLAINTEXT',
        'sasl.mechanism=PLAIN',
        `sasl.jaas.config=${PLAIN} required username="plain" password="wrong";`,
      ],
      /^WEIR_KAFKA_LOGIN: .*Check user and password/,
    ],
    [
      'an authority that is not known',
      'saslSsl',
      [...sasl, ...stranger],
      /^WEIR_KAFKA_TLS: .*not known here.*ssl\.truststore\.location/,
    ],
    [
      'a name that is not in the certificate',
      'saslSsl',
      [...sasl, ...trust],
      /^WEIR_KAFKA_TLS: .*127\.0\.0\.1.*ssl\.endpoint\.identification\.algorithm/,
      '127.0.0.1',
    ],
    [
      'no certificate where one is wanted',
      'ssl',
      ['security.protocol=SSL', ...trust],
      /^WEIR_KAFKA_TLS: .*ssl\.keystore\.location/,
    ],
    [
      'no TLS where it is wanted',
      'saslSsl',
      ['security.protocol=SASL_PLAINTEXT', ...scram(password)],
      /^WEIR_KAFKA_(?:LOGIN|TLS): .*security\.protocol/,
    ],
    ['TLS where there is none', 'plain', ['security.protocol=SSL', ...trust], /^WEIR_KAFKA_TLS: .*security\.protocol/],
  ])('%s', async (_, listener, lines, told, host = 'localhost') => {
    const address = secured.listeners[listener].replace('localhost', host)
    const ours = ['--bootstrap-server', address, '--command-config', fileOf(lines)]
    expect(await toldSoon(['topics', 'list', ...ours])).toMatch(told)
  })

  test('a host that does not answer, a port where nobody listens, a name that is none', async () => {
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const list = (address: string) => toldSoon(['topics', 'list', '--bootstrap-server', address])
    const mute = await list(`127.0.0.1:${port}`)
    const refused = await list('127.0.0.1:1')
    const unknown = await list('kafka.invalid:9092')
    expect(mute).toMatch(/^WEIR_KAFKA_UNREACHABLE: .*no answer within 4 s.*VPN/)
    expect(refused).toMatch(/^WEIR_KAFKA_UNREACHABLE: .*nothing listens there/)
    expect(unknown).toMatch(/^WEIR_KAFKA_UNREACHABLE: .*(?:no host of that name|no name server answers)/)
  })
})

describe('a token, as MSK takes it for IAM', () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const token = (exp: number) => `${part({ alg: 'none' })}.${part({ sub: 'scram', iat: exp - 60, exp })}.`
  const connect = (make: () => string): KafkaConnection => ({
    bootstrap: [secured.listeners.sasl],
    sasl: { mechanism: 'OAUTHBEARER', token: () => Promise.resolve(make()) },
  })
  const soon = () => Date.now() / 1000 + 30

  test('is made anew when the session ends, while records flow', async () => {
    let asked = 0
    const admin = openAdmin(connect(() => (asked++, token(soon()))))
    onTestFinished(() => admin.close())
    await admin.listTopics()
    const first = asked
    const until = performance.now() + REAUTHENTICATE_MS * 1.5
    while (performance.now() < until) {
      await admin.listTopics()
      await sleep(100)
    }
    expect(first).toBeGreaterThan(0)
    expect(asked).toBeGreaterThan(first)
  })

  test('that is not accepted is told', async () => {
    await expect(reachKafka(connect(() => token(soon() - 120)))).rejects.toMatchObject({
      code: 'WEIR_KAFKA_LOGIN',
      message: expect.stringContaining('do not accept the token'),
    })
  })
})

function projectOn(topic: string, replication: number): string {
  const project = mkdtempSync(join(folder, 'project-'))
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(root, join(project, 'node_modules', 'weirhouse'))
  writeFileSync(join(project, 'weirhouse.config.ts'), "export default { pipelines: ['./pipeline.ts'] }\n")
  const definition = `import { json, pipeline } from 'weirhouse'
import { postgres } from 'weirhouse/sinks/postgres'

export default pipeline({
  name: 'own',
  source: { topic: '${topic}', partitions: 2, replication: ${replication}, batch: { records: 10, windowSeconds: 0 } },
  decode: json(),
  transform: ({ n }) => ({ n }),
  sinks: [postgres({ id: 'sql', table: 'own', key: ['n'], columns: { n: 'integer' } })],
})
`
  writeFileSync(join(project, 'pipeline.ts'), definition)
  return project
}

describe('up', () => {
  const harness = inject('kafka')
  const brokers = ['--bootstrap-server', harness.bootstrap.join(',')]

  test('everything but the brokers: records flow, the audit agrees, and the brokers outlive the stack', async () => {
    const topic = `own-${Date.now()}`
    const project = projectOn(topic, 2)
    const on = (...args: string[]) => run(args, project)
    const target = await weirhouseJson<Target>(['up', '--detach', ...brokers, '--project', project])
    onTestFinished(() => on('down').then(() => undefined))
    expect(target.kafka).toEqual({ bootstrap: harness.bootstrap.join(','), external: { commandConfig: null } })
    const group = target.pipelines[0]!.consumerGroup
    expect(group).toMatch(/^weirhouse-own-[0-9a-f-]{36}$/)
    const lines = Array.from({ length: 20 }, (_, n) => `{"n":${n}}`)
    const sent = await on('produce', '--topic', topic, ...brokers, fileOf(lines))
    expect(sent, sent.stderr).toMatchObject({ code: 0 })
    const lag = async () =>
      JSON.parse((await on('groups', 'describe', '--group', 'own', ...brokers, '--json')).stdout) as object
    await expect.poll(lag, { timeout: 60_000 }).toMatchObject({ group, pipeline: 'own', lag: 0, members: [{}] })
    expect((await on('audit', ...brokers)).stdout).toMatch(/^own: sound: 20 records$/m)
    expect(await on('audit')).toMatchObject({ code: 0 })
    expect((await on('pause')).code).toBe(0)
    expect((await on('status')).stdout).toMatch(/Kafka .*not of this stack: it goes on without it[^]*own: Disabled/)
    expect((await on('doctor')).stdout).toMatch(/Kafka .*not of this stack/)

    const down = await on('down')
    expect(down.stdout).toContain('is not ours, and goes on')
    await expect.poll(() => target.processes.some(isAlive)).toBe(false)
    await using cluster = openCluster(harness)
    expect(await cluster.brokers()).toBe(2)
    const admin = openAdmin(harness)
    expect((await admin.listTopics()).map((each) => each.topic)).toContain(topic)
    const committed = [...(await admin.groupOffsets(group, topic)).values()]
    expect(committed.reduce((sum: number, next) => sum + (next ?? 0), 0)).toBe(20)
    await admin.deleteTopic(topic)
    await admin.close()
  })

  test('a topic that this user may not make: the line for whoever may; then all flows by login and TLS', async () => {
    const topic = 'closed-topic'
    const project = projectOn(topic, 1)
    const file = fileOf(['security.protocol=SASL_SSL', ...scram(password), ...trust])
    const ours = ['--bootstrap-server', secured.listeners.saslSsl, '--command-config', file]
    const told = await toldSoon(['up', ...ours], project)
    const [, command] = /^WEIR_TOPIC_MISSING: .*: npx weirhouse (topics create .*)$/.exec(told) ?? []
    expect(command, told).toBeDefined()
    const superuser = fileOf(['security.protocol=PLAINTEXT'])
    const line = command!
      .replace(secured.listeners.saslSsl, secured.listeners.plain)
      .replace('admin.properties', superuser)
    const made = await run(line.split(' '))
    expect(made.stdout, made.stderr).toBe(`Topic ${topic} created: 2 partitions, replication 1\n`)

    // each right that is missing is told before anything starts
    await secured.allow('scram', [{ on: 'topic', name: topic, operations: ['describe'] }])
    expect(await toldSoon(['up', ...ours], project)).toMatch(/^WEIR_KAFKA_REFUSED: .*reading topic "closed-topic"/)
    await secured.allow('scram', [{ on: 'topic', name: topic, operations: ['read', 'write'] }])
    expect(await toldSoon(['up', ...ours], project)).toMatch(/^WEIR_KAFKA_REFUSED: .*GROUP_AUTHORIZATION_FAILED/)
    await secured.allow('scram', [{ on: 'group', name: 'weirhouse-*', operations: ['read', 'describe'] }])
    const on = (...args: string[]) => run(args, project)
    // by now the stack knows its brokers, and the file that lets it in
    await weirhouseJson(['up', '--detach', ...ours, '--project', project])
    onTestFinished(() => on('down').then(() => undefined))
    await on('produce', '--topic', topic, fileOf(['{"n":1}', '{"n":2}']))
    await expect.poll(async () => (await on('audit')).code, { timeout: 60_000 }).toBe(0)
    expect((await on('audit')).stdout).toMatch(/^own: sound: 2 records$/m)
    await on('down')
    expect(isAlive(secured.process.record)).toBe(true)
  })
})
