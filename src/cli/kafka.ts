/** `--bootstrap-server` and `--command-config`, in Kafka's own words: brokers that are not a stack's. */
import { resolve } from 'node:path'
import { WeirError } from '../core/errors.ts'
import type { KafkaConnection } from '../kafka/connection.ts'
import { reachKafka } from '../kafka/reach.ts'
import { kafkaOf, readCommandConfig } from '../operations/kafka-target.ts'
import type { Target, TargetKafka } from '../operations/target.ts'
import type { Io } from './io.ts'
import { addresses, text } from './options.ts'
import { findTarget, openTarget } from './target.ts'

export const kafkaOptions = {
  bootstrapServer: addresses('host:port,...', 'brokers of your own, instead of those of the stack'),
  commandConfig: text('file', "how to get in: Kafka's own client properties; needs --bootstrap-server"),
}

export interface KafkaInput {
  readonly bootstrapServer: readonly string[] | undefined
  readonly commandConfig: string | undefined
}

export interface OwnKafka {
  readonly connection: KafkaConnection
  /** Absolute. */
  readonly commandConfig: string | undefined
  /** As a target holds it. */
  readonly target: TargetKafka
}

/**
 * The brokers that the line names, once they let this client in; undefined where it names none. Warns of settings that
 * are not used, as Kafka's tools do. Throws WEIR_USAGE, WEIR_INPUT, WEIR_KAFKA_PROPERTIES, WEIR_KAFKA_UNREACHABLE,
 * WEIR_KAFKA_TLS, WEIR_KAFKA_LOGIN.
 */
export async function ownKafka({ bootstrapServer, commandConfig }: KafkaInput, io: Io): Promise<OwnKafka | undefined> {
  if (bootstrapServer === undefined) {
    if (commandConfig === undefined) return undefined
    throw new WeirError('WEIR_USAGE', {
      reason: '--command-config needs --bootstrap-server',
      advice: 'Name the brokers: --bootstrap-server HOST:PORT',
    })
  }
  const file = commandConfig === undefined ? undefined : resolve(commandConfig)
  const connection = file === undefined ? { bootstrap: bootstrapServer } : readWarning(bootstrapServer, file, io)
  io.progress(`Reaching Kafka at ${bootstrapServer.join(',')}`)
  await reachKafka(connection)
  const external = { commandConfig: file ?? null }
  return { connection, commandConfig: file, target: { bootstrap: bootstrapServer.join(','), external } }
}

function readWarning(bootstrap: readonly string[], file: string, io: Io): KafkaConnection {
  const { connection, ignored } = readCommandConfig(bootstrap, file)
  if (ignored.length > 0) io.note(`Not used of ${file}: ${ignored.join(', ')}`)
  return connection
}

export interface OpenedKafka extends Pick<Target, 'pipelines'> {
  readonly connection: KafkaConnection
}

/**
 * The brokers that the line names, else those of the stack; with the pipelines that are known to read there. Throws as
 * `ownKafka`, and WEIR_NOT_UP.
 */
export async function openKafka(input: KafkaInput, io: Io): Promise<OpenedKafka> {
  const own = await ownKafka(input, io)
  if (own) {
    const running = await findTarget(io).catch(noProject)
    // topics of one name on two clusters are two topics
    const same = running?.kafka.bootstrap === own.target.bootstrap
    return { connection: own.connection, pipelines: same ? running.pipelines : [] }
  }
  const target = await openTarget(io)
  const connection = kafkaOf(target)
  // the stack's own are on this machine; of others a wrong password should be told at once
  if (target.kafka.external) await reachKafka(connection)
  return { connection, pipelines: target.pipelines }
}

/** Who names the brokers needs no project. */
function noProject(error: unknown): undefined {
  if (!(error instanceof WeirError && error.code === 'WEIR_NO_PROJECT')) throw error
}
