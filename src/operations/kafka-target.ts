import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { messageOf, WeirError } from '../core/errors.ts'
import type { KafkaConnection, KafkaSasl } from '../kafka/connection.ts'
import { parseClientProperties, type Login } from '../kafka/properties.ts'
import { mskLogin } from './msk-login.ts'
import type { Target } from './target.ts'

/** How to get at a target's brokers. Throws WEIR_INPUT, WEIR_KAFKA_PROPERTIES where they are somebody else's. */
export function kafkaOf({ kafka }: Pick<Target, 'kafka'>): KafkaConnection {
  const bootstrap = kafka.bootstrap.split(',')
  const file = kafka.external?.commandConfig ?? undefined
  return file === undefined ? { bootstrap } : readCommandConfig(bootstrap, file).connection
}

export interface CommandConfig {
  readonly connection: KafkaConnection
  /** Settings of the file that change nothing here. */
  readonly ignored: readonly string[]
}

/** Reads Kafka's own client.properties. Throws WEIR_INPUT, WEIR_KAFKA_PROPERTIES. */
export function readCommandConfig(bootstrap: readonly string[], file: string): CommandConfig {
  const { login, ignored, ...settings } = parseClientProperties({ file, text: read(file) }, readNamed(file))
  const sasl = login && saslOf(login, bootstrap)
  return { connection: { bootstrap, ...settings, ...(sasl ? { sasl } : {}) }, ignored }
}

/** As Java reads property files. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch (error) {
    throw new WeirError('WEIR_INPUT', { file, reason: messageOf(error) }, { cause: error })
  }
}

/** From the working folder, as Kafka's tools do; where it is not there, from the folder of the file that names it. */
function readNamed(file: string): (path: string) => string {
  return (path) => readFileSync([path, resolve(dirname(file), path)].find(existsSync) ?? path, 'utf8')
}

function saslOf(login: Login, bootstrap: readonly string[]): KafkaSasl {
  return login.mechanism === 'AWS_MSK_IAM' ? mskLogin(bootstrap, login.profile) : login
}
