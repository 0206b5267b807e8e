/**
 * The walk of a person at the Kafka host: its user data sets up a root, and its commands work against the local brokers with
 * Kafka's own tools. What stands in: dnf, curl, aws, and the settings of IAM, which local brokers do not speak.
 */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { HOST_COMMANDS, kafkaHostScript } from '../../src/cdk/kafka-host-script.ts'
import { KafkaVersion } from '../../src/cdk/kafka-version.ts'
import { openAdmin } from '../../src/kafka/admin.ts'
import { ensureJars } from '../../src/local/jars/ensure.ts'
import { findJava } from '../../src/local/jars/java.ts'
import { foreignPython, run } from '../support/foreign.ts'
import { CLUSTER_ARN, standInHost } from '../support/kafka-host.ts'
import type { KafkaHost } from '../support/kafka-host.ts'

const connection = inject('kafka')
const folder = mkdtempSync(join(tmpdir(), 'weirhouse-host-'))
const root = join(folder, 'root')
const topic = `host-${randomUUID()}`
const group = `host-${randomUUID()}`
let host: KafkaHost

beforeAll(async () => {
  const [java, jars] = [await findJava(), await ensureJars('kafka-tools')]
  host = standInHost({
    folder,
    brokers: connection.bootstrap.join(','),
    // as kafka-run-class.sh does: Java with Kafka's jars, and every argument handed on
    tool: (main) => `exec '${java}' -XX:TieredStopAtLevel=1 -Xmx256m -cp '${jars}/*' ${main} "$@"`,
  })
  host.setUp(root)
  writeFileSync(join(root, 'etc/weirhouse/client.properties'), 'security.protocol=PLAINTEXT\n')
})
afterAll(async () => {
  const admin = openAdmin(connection)
  await admin.deleteTopic(topic)
  await admin.close()
  rmSync(folder, { recursive: true, force: true })
})

/** What a command prints; it has to succeed. */
function call(command: string, args: readonly string[] = [], input = ''): string {
  const { status, stdout, stderr } = host.bash(root, [join(root, 'usr/local/bin', command), ...args], input)
  expect(status, `${command}: ${stdout}\n${stderr}`).toBe(0)
  return stdout
}

test('topics are made and shown, and what a console producer sends a console consumer reads', () => {
  expect(call('topic-create', [topic])).toContain(`Created topic ${topic}.`)
  expect(call('topic-list').split('\n')).toContain(topic)
  const described = call('topic-describe', [topic])
  expect(described).toMatch(/PartitionCount: 2\s+ReplicationFactor: 2\s+Configs: \S*max\.message\.bytes=1048576/)
  expect(described.match(/\tPartition: \d/g)).toHaveLength(2)

  // keyed, so that both partitions get some: a group that read nothing of a partition may have committed nothing there
  const values = ['one', 'zwei ü', 'three', 'four', 'five', 'six', 'seven', 'eight']
  const keyed = ['--property', 'parse.key=true', '--property', 'key.separator=:']
  call('produce', [topic, ...keyed], values.map((value, i) => `key-${i}:${value}\n`).join(''))
  const read = call('consume', [topic, '--group', group, '--max-messages', `${values.length}`])
  expect(new Set(read.trim().split('\n'))).toEqual(new Set(values))

  call('produce', [topic], 'unread\n')
  const lags = call('group-lag')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([name, of]) => name === group && of === topic)
  // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
  expect(new Set(lags.map(([, , partition]) => partition))).toEqual(new Set(['0', '1']))
  const total = (column: number) => lags.reduce((sum, line) => sum + Number(line[column]), 0)
  expect([total(3), total(4), total(5)]).toEqual([values.length, values.length + 1, 1])
})

describe('ShellCheck', () => {
  /** Its findings; it ends with 1 where it has some, and prints them. */
  async function checked(files: readonly string[]): Promise<string> {
    const shellcheck = join(dirname(await foreignPython('shell-requirements.txt')), 'shellcheck')
    return run(shellcheck, ['--shell=bash', '--format=gcc', '--external-sources', `--source-path=${root}`, ...files])
  }
  const commands = join(root, 'usr/local/bin')
  const written = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }

  test('finds nothing in the user data, in any command that it writes, and in the profile', async () => {
    const { tools } = KafkaVersion.default()
    const whole = kafkaHostScript({ clusterArn: CLUSTER_ARN, region: 'eu-west-1', tools })
    expect(new Set(readdirSync(commands))).toEqual(new Set(HOST_COMMANDS))
    const files = readdirSync(commands).map((name) => join(commands, name))
    const userData = written('user-data.sh', whole)
    expect(await checked([userData, ...files, join(root, 'etc/profile.d/weirhouse.sh')])).toBe('')
  })

  test('finds a planted fault in a command', async () => {
    const text = readFileSync(join(commands, 'produce'), 'utf8').replace('"$@"', '$@')
    await expect(checked([written('planted.sh', text)])).rejects.toThrow(/SC2068/)
  })
})
