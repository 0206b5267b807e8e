/**
 * Kafka's own client.properties, the file that its tools take with --command-config, to what a client here needs. Pure:
 * files that it names are read by the caller.
 *
 * What is not used: a setting of TLS or login that is not understood is refused, because leaving it out might let in whom
 * it was to keep out. Everything else that Kafka's own clients know (`acks`, `group.id`) is named in `ignored`, for a
 * warning, as Kafka's tools do.
 */
import { messageOf } from '../core/errors.ts'
import type { KafkaTls } from './connection.ts'
import { parseJaas } from './jaas.ts'
import { readPropertySet, type PropertySet } from './property-set.ts'
import { readTls, type ReadFile } from './tls-properties.ts'

export interface ClientProperties {
  readonly clientId?: string
  readonly tls?: KafkaTls
  readonly login?: Login
  /** Keys that change nothing here. */
  readonly ignored: readonly string[]
}

export type Login =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
      readonly username: string
      readonly password: string
    }
  /** With the AWS credentials of the environment, or of a profile. */
  | { readonly mechanism: 'AWS_MSK_IAM'; readonly profile?: string }

export interface PropertiesSource {
  /** For errors. */
  readonly file: string
  /** Read as ISO-8859-1, as Kafka reads it. */
  readonly text: string
}

/** Throws WEIR_KAFKA_PROPERTIES with file, line, key, what was got and what was expected; never with a secret. */
export function parseClientProperties({ file, text }: PropertiesSource, read: ReadFile): ClientProperties {
  const set = readPropertySet(file, text)
  // The address is given on the command line, which goes first with Kafka's tools as well.
  set.take('bootstrap.servers')
  const clientId = set.take('client.id')
  const protocol = set.choose('security.protocol', ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'])
  const tls = protocol.endsWith('SSL') ? readTls(set, read) : undefined
  const login = protocol.startsWith('SASL') ? readLogin(set) : undefined
  if (login?.mechanism === 'AWS_MSK_IAM' && !tls)
    throw set.fault('security.protocol', { expected: 'SASL_SSL: brokers of MSK take IAM over TLS only' })
  return {
    ...(clientId ? { clientId } : {}),
    ...(tls ? { tls } : {}),
    ...(login ? { login } : {}),
    ignored: leftOver(set, { tls: tls !== undefined, login: login !== undefined }),
  }
}

const PLAIN_MODULE = 'org.apache.kafka.common.security.plain.PlainLoginModule'
const SCRAM_MODULE = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const IAM_MODULE = 'software.amazon.msk.auth.iam.IAMLoginModule'
const IAM_HANDLER = 'software.amazon.msk.auth.iam.IAMClientCallbackHandler'
const MODULES = {
  PLAIN: PLAIN_MODULE,
  'SCRAM-SHA-256': SCRAM_MODULE,
  'SCRAM-SHA-512': SCRAM_MODULE,
  AWS_MSK_IAM: IAM_MODULE,
} as const
type Mechanism = keyof typeof MODULES

function readLogin(set: PropertySet): Login {
  const mechanism = mechanismOf(set)
  const handler = set.take('sasl.client.callback.handler.class')
  if (handler !== undefined && (mechanism !== 'AWS_MSK_IAM' || handler !== IAM_HANDLER))
    throw set.fault('sasl.client.callback.handler.class', { expected: `${IAM_HANDLER} with AWS_MSK_IAM, else nothing` })
  const { module, options } = jaasOf(set, mechanism)
  if (module !== MODULES[mechanism])
    throw set.fault(JAAS, { got: module, expected: `${MODULES[mechanism]} for ${mechanism}` })
  if (mechanism === 'AWS_MSK_IAM') return iam(set, options)
  const part = (name: string) => {
    const value = options.get(name)
    if (value === undefined || value === '') throw set.fault(JAAS, { got: `no ${name}`, expected: `${name}="..."` })
    return value
  }
  if (options.has('tokenauth'))
    throw set.fault(JAAS, { got: 'tokenauth', expected: 'a user and a password: delegation tokens are not known here' })
  return { mechanism, username: part('username'), password: part('password') }
}

const JAAS = 'sasl.jaas.config'

function mechanismOf(set: PropertySet): Mechanism {
  const names = Object.keys(MODULES) as Mechanism[]
  const expected = names.join(', ')
  const given = set.take('sasl.mechanism')
  const found = names.find((name) => name === given)
  if (found) return found
  const got = given === undefined ? "nothing, which is Kafka's GSSAPI" : `"${given}"`
  throw set.fault('sasl.mechanism', { got, expected })
}

function jaasOf(set: PropertySet, mechanism: Mechanism) {
  const expected = `${MODULES[mechanism]} required ...;`
  const text = set.need(JAAS, { expected })
  try {
    return parseJaas(text)
  } catch (error) {
    throw set.fault(JAAS, { expected: messageOf(error) })
  }
}

/** The options of aws-msk-iam-auth. */
function iam(set: PropertySet, options: ReadonlyMap<string, string>): Login {
  const odd = [...options.keys()].find((name) => !['awsProfileName', 'awsDebugCreds'].includes(name))
  if (odd !== undefined)
    throw set.fault(JAAS, {
      got: odd,
      expected: 'no option but awsProfileName',
      advice: 'Name a profile of ~/.aws/config that has role_arn and source_profile: the AWS SDK assumes the role.',
    })
  const profile = options.get('awsProfileName')
  return { mechanism: 'AWS_MSK_IAM', ...(profile ? { profile } : {}) }
}

/** Of TLS and login, what only concerns Java itself, or the renewal of what is renewed here anyway. */
const JAVA_ONLY = new Set([
  'ssl.protocol',
  'ssl.provider',
  'ssl.keymanager.algorithm',
  'ssl.trustmanager.algorithm',
  'ssl.secure.random.implementation',
  'security.providers',
])
const RENEWAL = /^sasl\.login\.(?:refresh|connect|read|retry)\./

function leftOver(set: PropertySet, used: { readonly tls: boolean; readonly login: boolean }): readonly string[] {
  for (const key of set.unused()) {
    const counts = (key.startsWith('ssl.') && used.tls) || (key.startsWith('sasl.') && used.login)
    if (!counts && !key.startsWith('security.')) continue
    if (JAVA_ONLY.has(key) || RENEWAL.test(key)) continue
    throw set.fault(key, {
      expected: 'no such setting',
      advice:
        'It is not known here, and leaving out a setting of TLS or login could let in whom it is to keep out: remove it.',
    })
  }
  return set.unused()
}
