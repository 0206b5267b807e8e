/** The Kafka host's user data, run as far as it goes without an instance: dnf, curl, aws and Kafka's tools are stand-ins. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CLUSTER_ARN, DATABASE_HOST, executable, standInHost } from '../../test/support/kafka-host.ts'
import { CLIENT_PROPERTIES, HOST_COMMANDS, kafkaHostScript } from './kafka-host-script.ts'
import { KafkaVersion } from './kafka-version.ts'

const BROKERS = 'b-1.example:9098,b-2.example:9098'
const folder = mkdtempSync(join(tmpdir(), 'weirhouse-host-'))
const { bash, script, setUp } = standInHost({ folder, brokers: BROKERS, tool: () => 'echo "${0##*/} $*"' })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('every script is bash', () => {
  const whole = kafkaHostScript({ clusterArn: CLUSTER_ARN, region: 'eu-west-1', tools: KafkaVersion.default().tools })
  expect(bash(folder, ['-n'], whole)).toMatchObject({ status: 0, stderr: '' })
})

describe('set up', () => {
  const root = join(folder, 'root')
  beforeAll(() => setUp(root))
  const call = (command: string, ...args: string[]) => bash(root, [join(root, 'usr/local/bin', command), ...args])
  const iam = () => join(root, 'etc/weirhouse/client.properties')

  test('has Java 17, the tools, the IAM library and the mark of its end', () => {
    expect(readFileSync(join(folder, 'dnf.log'), 'utf8')).toContain('install -y java-17-amazon-corretto-headless')
    expect(readFileSync(join(root, 'opt/kafka/libs/aws-msk-iam-auth.jar'), 'utf8')).toBe('a jar')
    expect(readFileSync(iam(), 'utf8')).toBe(CLIENT_PROPERTIES)
    expect(existsSync(join(root, 'var/log/weirhouse-setup.done'))).toBe(true)
    expect(existsSync(join(root, 'opt/kafka.tgz'))).toBe(false)
  })

  test.each(HOST_COMMANDS)('%s stands on the PATH, executable, and is bash', (command) => {
    const path = join(root, 'usr/local/bin', command)
    expect(statSync(path).mode & 0o777).toBe(0o755)
    expect(bash(root, ['-n', path])).toMatchObject({ status: 0, stderr: '' })
  })

  test('kafka-bootstrap asks for the brokers that speak IAM', () => {
    expect(call('kafka-bootstrap').stdout).toBe(`${BROKERS}\n`)
    expect(readFileSync(join(folder, 'aws.log'), 'utf8')).toContain(
      `aws kafka get-bootstrap-brokers --region eu-west-1 --cluster-arn ${CLUSTER_ARN} --query BootstrapBrokerStringSaslIam`,
    )
  })

  test.each<[string, readonly string[], string]>([
    [
      'topic-create',
      ['demo_topic'],
      'kafka-topics.sh --bootstrap-server BROKERS --command-config IAM --create --topic demo_topic --partitions 2 --replication-factor 2 --config max.message.bytes=1048576',
    ],
    [
      'topic-create',
      ['other', '6', '3', '--if-not-exists'],
      'kafka-topics.sh --bootstrap-server BROKERS --command-config IAM --create --topic other --partitions 6 --replication-factor 3 --config max.message.bytes=1048576 --if-not-exists',
    ],
    ['topic-list', [], 'kafka-topics.sh --bootstrap-server BROKERS --command-config IAM --list'],
    [
      'topic-describe',
      ['demo_topic'],
      'kafka-topics.sh --bootstrap-server BROKERS --command-config IAM --describe --topic demo_topic',
    ],
    [
      'produce',
      ['demo_topic'],
      'kafka-console-producer.sh --bootstrap-server BROKERS --producer.config IAM --topic demo_topic',
    ],
    [
      'consume',
      ['demo_topic', '--max-messages', '3'],
      'kafka-console-consumer.sh --bootstrap-server BROKERS --consumer.config IAM --topic demo_topic --from-beginning --max-messages 3',
    ],
    [
      'group-lag',
      [],
      'kafka-consumer-groups.sh --bootstrap-server BROKERS --command-config IAM --describe --all-groups',
    ],
  ])('%s %j calls the tool with the brokers and IAM', (command, args, called) => {
    const { stdout, stderr } = call(command, ...args)
    expect(stderr).toBe('')
    expect(stdout.trim()).toBe(called.replace('BROKERS', BROKERS).replace('IAM', iam()))
  })

  test('database is psql on the records: over verified TLS, as the role that reads alone, by a token of IAM', () => {
    const { stdout, stderr } = call('database', '-c', 'select 1')
    expect(stderr).toBe('')
    expect(stdout.split('\n')).toEqual([
      `psql --host ${DATABASE_HOST} --port 5432 --username reader_of_weirhouse --dbname weirhouse -c select 1`,
      `verify-full ${join(root, 'etc/weirhouse/rds-ca.pem')} a-token`,
      '',
    ])
    expect(readFileSync(join(folder, 'aws.log'), 'utf8')).toContain(
      `aws rds generate-db-auth-token --region eu-west-1 --hostname ${DATABASE_HOST} --port 5432 --username reader_of_weirhouse`,
    )
    expect(readFileSync(join(root, 'etc/weirhouse/rds-ca.pem'), 'utf8')).toBe('authorities\n')
  })

  test.each(['topic-create', 'topic-describe', 'produce', 'consume'])(
    '%s without a topic says its usage',
    (command) => {
      expect(call(command)).toMatchObject({ status: 2, stderr: expect.stringContaining(`usage: ${command} `) })
    },
  )

  test('where no brokers are to be had, a command ends with the reason, before any tool', () => {
    const failing = join(folder, 'failing')
    mkdirSync(failing, { recursive: true })
    executable(join(failing, 'aws'), 'echo "no credentials" >&2; exit 253')
    const PATH = [failing, join(root, 'usr/local/bin'), process.env['PATH']].join(delimiter)
    const env = { PATH, WEIRHOUSE_ROOT: root }
    const ran = spawnSync(join(root, 'usr/local/bin/topic-list'), { encoding: 'utf8', env })
    expect(ran).toMatchObject({ status: 253, stdout: '', stderr: 'no credentials\n' })
  })

  test('a login shell names the brokers', () => {
    const profile = `. '${join(root, 'etc/profile.d/weirhouse.sh')}'; echo "[$BOOTSTRAP]"`
    const { stdout } = bash(root, ['--norc', '-i', '-c', profile])
    expect(stdout).toContain(`Kafka brokers: ${BROKERS}`)
    expect(stdout).toContain('Commands: topic-create, ')
    expect(stdout).toContain(`[${BROKERS}]`)
  })

  test('runs a second time as the first', () => {
    expect(() => setUp(root)).not.toThrow()
  })
})

test.each([
  ['the tools', { kafka: '0'.repeat(64) }, 'opt/kafka.tgz'],
  ['the IAM library', { jar: '0'.repeat(64) }, 'opt/kafka/libs/aws-msk-iam-auth.jar'],
])('another SHA-256 of %s ends the set-up with nothing in its place', (name, sums, path) => {
  const root = join(folder, name.replaceAll(' ', '-'))
  mkdirSync(root)
  const { status, stderr } = bash(root, ['-s'], script(sums))
  expect(status).toBe(1)
  expect(stderr).toContain('has another SHA-256 than')
  expect(existsSync(join(root, path))).toBe(false)
  expect(existsSync(join(root, 'var/log/weirhouse-setup.done'))).toBe(false)
})
