/** The Kafka host's user data in a folder of its own: dnf, curl and aws are stand-ins, and so is the tarball of Kafka's tools. */
import { spawnSync } from 'node:child_process'
import type { SpawnSyncReturns } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { kafkaHostScript } from '../../src/cdk/kafka-host-script.ts'

export const CLUSTER_ARN = 'arn:aws:kafka:eu-west-1:123456789012:cluster/weirhouse/1-2-3'
/** Kafka's tools that the host's commands wrap, and the class that each of them runs. */
export const KAFKA_TOOLS: Readonly<Record<string, string>> = {
  'kafka-topics.sh': 'org.apache.kafka.tools.TopicCommand',
  'kafka-console-producer.sh': 'org.apache.kafka.tools.ConsoleProducer',
  'kafka-console-consumer.sh': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
  'kafka-consumer-groups.sh': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
}
export const DATABASE_HOST = 'records.example'
const RELEASE = 'kafka_2.13-9.9.9'

export interface StandInOptions {
  /** Exists, and gets stand-ins, downloads and the logs dnf.log and aws.log. */
  readonly folder: string
  /** What `aws kafka get-bootstrap-brokers` prints. */
  readonly brokers: string
  /** The text of a tool in the tarball, by the class that it runs. */
  readonly tool: (main: string) => string
}

export interface KafkaHost {
  /** The user data, for the downloads that stand ready; other sums where they are given. */
  readonly script: (sums?: { readonly kafka?: string; readonly jar?: string }, databaseHost?: string) => string
  /** Bash with these arguments, the root in place of `/`, and stand-ins and the host's commands on the PATH. */
  readonly bash: (root: string, args: readonly string[], input?: string) => SpawnSyncReturns<string>
  /** Runs the user data for `root`; throws what it says where it fails. */
  readonly setUp: (root: string) => void
}

export function standInHost({ folder, brokers, tool }: StandInOptions): KafkaHost {
  const stands = join(folder, 'stand-ins')
  mkdirSync(stands)
  executable(join(stands, 'dnf'), `echo "dnf $*" >> '${folder}/dnf.log'`)
  const answers = `case "$*" in *generate-db-auth-token*) echo 'a-token' ;; *) echo '${brokers}' ;; esac`
  executable(join(stands, 'aws'), `echo "aws $*" >> '${folder}/aws.log'; ${answers}`)
  executable(join(stands, 'psql'), 'echo "psql $*"; echo "$PGSSLMODE $PGSSLROOTCERT $PGPASSWORD"')
  // the last two arguments are the file and the address, which here is a path but for AWS's own authorities
  const authorities = '*amazonaws.com*) echo authorities > "${@: -2:1}"'
  executable(join(stands, 'curl'), `case "\${@: -1}" in ${authorities} ;; *) cp "\${@: -1}" "\${@: -2:1}" ;; esac`)
  const tarball = packed(folder, tool)
  const jar = join(folder, 'auth.jar')
  writeFileSync(jar, 'a jar')
  const script: KafkaHost['script'] = (sums = {}, databaseHost = DATABASE_HOST) =>
    kafkaHostScript({
      databaseHost,
      clusterArn: CLUSTER_ARN,
      region: 'eu-west-1',
      tools: { release: '9.9.9', url: tarball, sha256: sums.kafka ?? sum(tarball) },
      iamAuth: { url: jar, sha256: sums.jar ?? sum(jar) },
    })
  const bash: KafkaHost['bash'] = (root, args, input = '') => {
    const PATH = [stands, join(root, 'usr/local/bin'), process.env['PATH']].join(delimiter)
    return spawnSync('bash', args, { encoding: 'utf8', input, env: { PATH, WEIRHOUSE_ROOT: root }, timeout: 60_000 })
  }
  const setUp: KafkaHost['setUp'] = (root) => {
    mkdirSync(root, { recursive: true })
    const { status, stderr } = bash(root, ['-s'], script())
    if (status !== 0 || stderr !== '') throw new Error(`the user data ended with ${status}: ${stderr}`)
  }
  return { script, bash, setUp }
}

/** A tarball that is laid out as Kafka's. */
function packed(folder: string, tool: StandInOptions['tool']): string {
  const kafka = join(folder, RELEASE)
  mkdirSync(join(kafka, 'bin'), { recursive: true })
  mkdirSync(join(kafka, 'libs'))
  for (const [name, main] of Object.entries(KAFKA_TOOLS)) executable(join(kafka, 'bin', name), tool(main))
  const tarball = join(folder, 'kafka.tgz')
  const { status, stderr } = spawnSync('tar', ['-czf', tarball, '-C', folder, RELEASE], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`tar: ${stderr}`)
  return tarball
}

export function executable(path: string, text: string): void {
  writeFileSync(path, `#!/usr/bin/env bash\n${text}\n`, { mode: 0o755 })
}

function sum(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
