import { DEFAULT_LINE, KAFKA_VERSION } from '../core/kafka-release.ts'
import { refuse } from './refuse.ts'
import type { Made } from './refuse.ts'

/** Versions of Amazon MSK that Weirhouse makes clusters of. Those that do not say `kraft` keep their metadata in ZooKeeper, as the smallest brokers want. */
export type SupportedKafka = '3.8.x.kraft' | '3.9.x' | '3.9.x.kraft' | '4.0.x.kraft' | '4.1.x.kraft'

/** The release of Apache Kafka whose command-line tools go with a cluster. */
export interface KafkaTools {
  readonly release: string
  readonly url: string
  readonly sha256: string
}

/** A version of Kafka on MSK. Made by {@link KafkaVersion} alone. */
export interface KafkaVersion extends Made<'KafkaVersion'> {
  /** As MSK names it, such as `4.1.x.kraft`. */
  readonly msk: string
  /** Whether MSK still mends it. */
  readonly supported: boolean
  readonly metadata: 'kraft' | 'zookeeper'
  /** Whether MSK makes topics of it through its own API (3.6 and later). */
  readonly topicApi: boolean
  readonly tools: KafkaTools
}

/**
 * SHA-256 of the tarballs `kafka_2.13-<release>.tgz`; Apache publishes SHA-512 beside its archive. They were not computed from a
 * download of ours. 3.8.0, 3.9.1 and 4.0.0: Spack and at least one other public collection pin the same sum (Homebrew 3.8.0 and
 * 4.0.0; Bazel and Chef recipes 3.9.1). 4.1.1: Nixpkgs alone, and what copies it. A wrong one stops the host's set-up with a message.
 */
const KAFKA_3_9 = ['3.9.1', 'dd4399816e678946cab76e3bd1686103555e69bc8f2ab8686cda71aa15bc31a3'] as const
const TOOLS: Readonly<Record<SupportedKafka, readonly [release: string, sha256: string]>> = {
  '3.8.x.kraft': ['3.8.0', 'e0297cc6fdb09ef9d9905751b25d2b629c17528f8629b60561eeff87ce29099c'],
  '3.9.x': KAFKA_3_9,
  '3.9.x.kraft': KAFKA_3_9,
  '4.0.x.kraft': ['4.0.0', '7b852e938bc09de10cd96eca3755258c7d25fb89dbdd76305717607e1835e2aa'],
  '4.1.x.kraft': [KAFKA_VERSION, '791e8ee6996982d8055829367a80391f94c1bca7329b2fbb658bfc211a77472e'],
}

export const SUPPORTED_KAFKA = Object.keys(TOOLS) as SupportedKafka[]
const SHAPE = /^(\d+)\.(\d+)\.(?:\d+|x)(?:\.kraft|\.tiered)?$/
/** The first version with a topic API. */
const TOPIC_API = { major: 3, minor: 6 }

/** Makes versions. Each throws WEIR_CDK_REFUSED. */
export const KafkaVersion = {
  /** The version that Weirhouse also runs on a laptop. */
  default(): KafkaVersion {
    return KafkaVersion.of(DEFAULT_LINE)
  },

  /** A version that MSK supports. */
  of(msk: SupportedKafka): KafkaVersion {
    if (!SUPPORTED_KAFKA.includes(msk))
      refuse({
        what: 'KafkaVersion',
        got: msk,
        why: `it is not among the versions supported here, ${SUPPORTED_KAFKA.join(', ')}`,
        instead: `take ${DEFAULT_LINE}, or KafkaVersion.pastSupport('...') for one that MSK no longer mends`,
      })
    return { msk, supported: true, metadata: metadataOf(msk), topicApi: true, tools: toolsOf(msk) } as KafkaVersion
  },

  /**
   * A version past its end of support, asked for by name. A cluster of it warns; its host gets the oldest supported tools,
   * which speak to older brokers.
   */
  pastSupport(msk: string): KafkaVersion {
    const [major, minor] = SHAPE.exec(msk)?.slice(1).map(Number) ?? []
    if (major === undefined || minor === undefined)
      return refuse({
        what: 'KafkaVersion.pastSupport',
        got: msk,
        why: 'MSK does not name versions like this',
        instead: 'write it like 2.8.1 or 3.5.x',
      })
    const [oldest] = SUPPORTED_KAFKA
    const [oldestMajor, oldestMinor] = SHAPE.exec(oldest!)!.slice(1).map(Number)
    if (!isBefore(major, minor, oldestMajor!, oldestMinor!))
      refuse({
        what: 'KafkaVersion.pastSupport',
        got: msk,
        why: 'it is not past support',
        instead: `take KafkaVersion.of('...') with one of ${SUPPORTED_KAFKA.join(', ')}`,
      })
    const topicApi = !isBefore(major, minor, TOPIC_API.major, TOPIC_API.minor)
    return { msk, supported: false, metadata: metadataOf(msk), topicApi, tools: toolsOf(oldest!) } as KafkaVersion
  },
}

function metadataOf(msk: string): KafkaVersion['metadata'] {
  return msk.endsWith('.kraft') ? 'kraft' : 'zookeeper'
}

function isBefore(major: number, minor: number, otherMajor: number, otherMinor: number): boolean {
  return major < otherMajor || (major === otherMajor && minor < otherMinor)
}

function toolsOf(msk: SupportedKafka): KafkaTools {
  const [release, sha256] = TOOLS[msk]
  return { release, sha256, url: `https://archive.apache.org/dist/kafka/${release}/kafka_2.13-${release}.tgz` }
}
