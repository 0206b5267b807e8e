import { KAFKA_VERSION } from '../../core/kafka-release.ts'
import { createHash } from 'node:crypto'
import { checksums as dynamodb } from './checksums/dynamodb.ts'
import { checksums as kafkaTools } from './checksums/kafka-tools.ts'
import { checksums as kafka } from './checksums/kafka.ts'
import { checksums as s3 } from './checksums/s3.ts'

export interface MavenDependency {
  readonly group: string
  readonly artifact: string
  readonly version: string
  /** Maven packaging other than a jar, such as a native library. */
  readonly type?: string
  /** Groups whose artifacts are left out. */
  readonly without?: readonly string[]
}

/** A Java program that Maven fetches. */
export interface JarSet {
  readonly name: string
  /** What people call it. */
  readonly title: string
  readonly version: string
  readonly dependencies: readonly MavenDependency[]
  /** File name -> SHA-256 in hexadecimal, of every file. `node scripts/jar-checksums.ts NAME` prints it anew. */
  readonly checksums: Readonly<Record<string, string>>
}

/** Without a binding for SLF4J, Kafka logs nothing. */
const log4j: MavenDependency = { group: 'org.apache.logging.log4j', artifact: 'log4j-slf4j-impl', version: '2.24.3' }

export const jarSets = {
  kafka: {
    name: 'kafka',
    title: 'Apache Kafka',
    version: KAFKA_VERSION,
    dependencies: [{ group: 'org.apache.kafka', artifact: 'kafka_2.13', version: KAFKA_VERSION }, log4j],
    checksums: kafka,
  },
  /** The command-line tools, for tests: a client that no one here wrote. */
  'kafka-tools': {
    name: 'kafka-tools',
    title: 'Apache Kafka command-line tools',
    version: KAFKA_VERSION,
    dependencies: [{ group: 'org.apache.kafka', artifact: 'kafka-tools', version: KAFKA_VERSION }, log4j],
    checksums: kafkaTools,
  },
  dynamodb: {
    name: 'dynamodb',
    title: 'DynamoDB Local',
    version: '3.3.1',
    dependencies: [
      { group: 'software.amazon.dynamodb', artifact: 'DynamoDBLocal', version: '3.3.1' },
      // The one native library that DynamoDB Local does not bring itself; AWS documents it for Apple silicon.
      {
        group: 'io.github.ganadist.sqlite4java',
        artifact: 'libsqlite4java-osx-aarch64',
        version: '1.0.392',
        type: 'dylib',
      },
    ],
    checksums: dynamodb,
  },
  s3: {
    name: 's3',
    title: 'S3Proxy',
    version: '4.0.0',
    dependencies: [
      // Only its file system store is used: the clients of three clouds stay out.
      {
        group: 'org.gaul',
        artifact: 's3proxy',
        version: '4.0.0',
        without: ['com.azure', 'com.google.cloud', 'software.amazon.awssdk'],
      },
      // Absent from its own list: ClassNotFoundException at start.
      { group: 'com.fasterxml.jackson.core', artifact: 'jackson-annotations', version: '2.21' },
    ],
    checksums: s3,
  },
} as const satisfies Record<string, JarSet>

export type JarsName = keyof typeof jarSets

/** The Maven project that has the set's files as its runtime dependencies. */
export function pomOf(set: JarSet): string {
  return [
    '<project xmlns="http://maven.apache.org/POM/4.0.0">',
    '<modelVersion>4.0.0</modelVersion>',
    `<groupId>weirhouse</groupId><artifactId>${set.name}</artifactId><version>1</version><packaging>pom</packaging>`,
    '<dependencies>',
    ...set.dependencies.map(dependencyOf),
    '</dependencies>',
    '</project>',
    '',
  ].join('\n')
}

function dependencyOf({ group, artifact, version, type, without = [] }: MavenDependency): string {
  const exclusions = without.map(
    (each) => `<exclusion><groupId>${each}</groupId><artifactId>*</artifactId></exclusion>`,
  )
  return [
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>`,
    type === undefined ? '' : `<type>${type}</type>`,
    exclusions.length === 0 ? '' : `<exclusions>${exclusions.join('')}</exclusions>`,
    '</dependency>',
  ].join('')
}

/** Folder name of exactly these files: another list of files gets another folder, so that none is ever changed in use. */
export function folderNameOf(set: JarSet): string {
  const content = createHash('sha256').update(pomOf(set)).update(JSON.stringify(set.checksums))
  return `${set.name}-${set.version}-${content.digest('hex').slice(0, 8)}`
}
