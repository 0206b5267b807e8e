/**
 * User data of the Kafka host: pure text, so that it can be checked and executed without an instance. `WEIRHOUSE_ROOT` stands
 * for `/` and is empty on a host; a test names a folder of its own.
 */
import { READER_ROLE } from '../sinks/postgres/index.ts'
import { DATABASE_NAME, DATABASE_PORT } from './database-address.ts'
import type { KafkaTools } from './kafka-version.ts'

export interface Download {
  readonly url: string
  readonly sha256: string
}

export interface KafkaHostScript {
  /** May hold tokens of the CDK. */
  readonly clusterArn: string
  readonly region: string
  readonly tools: KafkaTools
  /** @default aws-msk-iam-auth 2.3.5 */
  readonly iamAuth?: Download
  /** Where the records in PostgreSQL are, for the command `database`. @default none: the command says so */
  readonly databaseHost?: string
}

/** AWS's own client library for IAM; the sum is of the release on GitHub, which is the artifact of Maven Central as well. */
export const IAM_AUTH: Download = {
  url: 'https://github.com/aws/aws-msk-iam-auth/releases/download/v2.3.5/aws-msk-iam-auth-2.3.5-all.jar',
  sha256: 'bcd6020ce1ca2c3f1a65e087057dc8c0757185ba1f169b38e0eda54b617e4225',
}

/** Settings of every Kafka client on the host. */
export const CLIENT_PROPERTIES = `security.protocol=SASL_SSL
sasl.mechanism=AWS_MSK_IAM
sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;
sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler
`

/** Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection": certificate authorities of every region. */
const RDS_AUTHORITIES = 'https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem'

const HEAD = `#!/usr/bin/env bash
`

/** Each wrapper's file and text: they stand on the PATH, and take further options of the tool they wrap. */
const WRAPPERS: Readonly<Record<string, string>> = {
  'kafka-bootstrap': `# Prints the brokers that speak TLS with IAM.
set -euo pipefail
. "\${WEIRHOUSE_ROOT:-}/etc/weirhouse/host.env"
exec aws kafka get-bootstrap-brokers --region "$WEIRHOUSE_REGION" --cluster-arn "$WEIRHOUSE_CLUSTER_ARN" \\
  --query BootstrapBrokerStringSaslIam --output text
`,
  'kafka-with-iam': `# kafka-with-iam TOOL CONFIG_OPTION [OPTION ...]: runs a tool of Kafka against the cluster.
set -euo pipefail
root="\${WEIRHOUSE_ROOT:-}"
tool="$1" config="$2"
shift 2
brokers="\${BOOTSTRAP:-}"
[ -n "$brokers" ] || brokers="$(kafka-bootstrap)"
exec "$root/opt/kafka/bin/$tool" --bootstrap-server "$brokers" \\
  "$config" "$root/etc/weirhouse/client.properties" "$@"
`,
  'topic-create': wrapper('topic-create NAME [PARTITIONS [REPLICATION]]', 1, [
    'topic="$1" partitions="${2:-2}" replication="${3:-2}"',
    'shift "$(($# < 3 ? $# : 3))"',
    'exec kafka-with-iam kafka-topics.sh --command-config --create --topic "$topic" \\',
    '  --partitions "$partitions" --replication-factor "$replication" --config max.message.bytes=1048576 "$@"',
  ]),
  'topic-list': wrapper('topic-list', 0, ['exec kafka-with-iam kafka-topics.sh --command-config --list "$@"']),
  'topic-describe': wrapper('topic-describe NAME', 1, [
    'topic="$1"',
    'shift',
    'exec kafka-with-iam kafka-topics.sh --command-config --describe --topic "$topic" "$@"',
  ]),
  produce: wrapper('produce TOPIC', 1, [
    'topic="$1"',
    'shift',
    'exec kafka-with-iam kafka-console-producer.sh --producer.config --topic "$topic" "$@"',
  ]),
  consume: wrapper('consume TOPIC', 1, [
    'topic="$1"',
    'shift',
    'exec kafka-with-iam kafka-console-consumer.sh --consumer.config --topic "$topic" --from-beginning "$@"',
  ]),
  'group-lag': wrapper('group-lag', 0, [
    'exec kafka-with-iam kafka-consumer-groups.sh --command-config --describe --all-groups "$@"',
  ]),
  database: `# database [OPTION ...]: psql on the records, as a role that reads alone. IAM gives the password, for 15 minutes.
set -euo pipefail
root="\${WEIRHOUSE_ROOT:-}"
. "$root/etc/weirhouse/host.env"
[ -n "$WEIRHOUSE_DATABASE_HOST" ] || { echo "this environment has no database: no pipeline has a PostgreSQL sink" >&2; exit 1; }
PGPASSWORD="$(aws rds generate-db-auth-token --region "$WEIRHOUSE_REGION" \\
  --hostname "$WEIRHOUSE_DATABASE_HOST" --port ${DATABASE_PORT} --username ${READER_ROLE})"
export PGPASSWORD PGSSLMODE=verify-full PGSSLROOTCERT="$root/etc/weirhouse/rds-ca.pem"
exec psql --host "$WEIRHOUSE_DATABASE_HOST" --port ${DATABASE_PORT} --username ${READER_ROLE} --dbname ${DATABASE_NAME} "$@"
`,
}

function wrapper(usage: string, required: number, lines: readonly string[]): string {
  const check = required > 0 ? [`[ $# -ge ${required} ] || { echo "usage: ${usage}" >&2; exit 2; }`] : []
  return ['set -euo pipefail', ...check, ...lines, ''].join('\n')
}

/** At login: the brokers in BOOTSTRAP, and what the host offers. A cluster still in creation does not keep anyone out. */
const PROFILE = `[ -n "\${BASH_VERSION:-}" ] || return 0
[[ $- == *i* ]] || return 0
BOOTSTRAP="$(kafka-bootstrap 2>/dev/null || true)"
if [ -n "$BOOTSTRAP" ] && [ "$BOOTSTRAP" != None ]; then
  export BOOTSTRAP
  echo "Kafka brokers: $BOOTSTRAP"
else
  unset BOOTSTRAP
  echo "Kafka brokers: not to be had yet (try kafka-bootstrap)"
fi
echo "Commands: ${Object.keys(WRAPPERS).slice(2).join(', ')}"
`

/** The commands that a person at the host has. */
export const HOST_COMMANDS: readonly string[] = Object.keys(WRAPPERS)

/** The whole script. Ends with a mark in /var/log/weirhouse-setup.done; whatever fails ends it before. */
export function kafkaHostScript(props: KafkaHostScript): string {
  const { clusterArn, region, tools, iamAuth = IAM_AUTH, databaseHost = '' } = props
  const wrappers = Object.entries(WRAPPERS).map(([name, text]) => file(`/usr/local/bin/${name}`, HEAD + text, '0755'))
  return [
    `${HEAD}set -euo pipefail`,
    'root="${WEIRHOUSE_ROOT:-}"',
    'mkdir -p "$root/etc/weirhouse" "$root/etc/profile.d" "$root/opt" "$root/usr/local/bin" "$root/var/log"',
    'dnf install -y java-17-amazon-corretto-headless postgresql17 tar gzip',
    FETCH,
    `fetch '${tools.url}' '${tools.sha256}' "$root/opt/kafka.tgz"`,
    'rm -rf "$root/opt/kafka" && mkdir "$root/opt/kafka"',
    'tar -xzf "$root/opt/kafka.tgz" --strip-components=1 -C "$root/opt/kafka"',
    'rm "$root/opt/kafka.tgz"',
    `fetch '${iamAuth.url}' '${iamAuth.sha256}' "$root/opt/kafka/libs/aws-msk-iam-auth.jar"`,
    file('/etc/weirhouse/client.properties', CLIENT_PROPERTIES, '0644'),
    // AWS renews the file, so it has no sum to hold it to: it comes by verified TLS from AWS's own host.
    `curl --fail --silent --show-error --retry 5 --output "$root/etc/weirhouse/rds-ca.pem" '${RDS_AUTHORITIES}'`,
    file('/etc/weirhouse/host.env', hostEnv({ clusterArn, region, databaseHost }), '0644'),
    ...wrappers,
    file('/etc/profile.d/weirhouse.sh', PROFILE, '0644'),
    'touch "$root/var/log/weirhouse-setup.done"',
    '',
  ].join('\n')
}

function hostEnv({ clusterArn, region, databaseHost }: Readonly<Record<string, string>>): string {
  return [
    `WEIRHOUSE_CLUSTER_ARN='${clusterArn}'`,
    `WEIRHOUSE_REGION='${region}'`,
    `WEIRHOUSE_DATABASE_HOST='${databaseHost}'`,
    '',
  ].join('\n')
}

/** Nothing is put in its place before its sum is right. */
const FETCH = `fetch() {
  curl --fail --silent --show-error --location --retry 5 --retry-all-errors --output "$3.part" "$1"
  echo "$2  $3.part" | sha256sum --check --quiet || {
    echo "$1 has another SHA-256 than $2: not installed" >&2
    rm -f "$3.part"
    exit 1
  }
  mv "$3.part" "$3"
}`

function file(path: string, text: string, mode: string): string {
  return `cat > "$root${path}" <<'END_OF_FILE'\n${text}END_OF_FILE\nchmod ${mode} "$root${path}"`
}
