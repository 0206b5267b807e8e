/**
 * What every Kafka client here has in common: addresses, patience, and how its errors become ours.
 * Defaults of the library that lose data or hang are set here or where a client is opened, with the reason.
 */
import { AuthenticationError, protocolErrorsCodesById, type Broker, type ConnectionOptions } from '@platformatic/kafka'
import { isIP } from 'node:net'
import { messageOf, WeirError } from '../core/errors.ts'
import type { KafkaConnection, KafkaSasl, KafkaTls } from './connection.ts'
import { connectionFault } from './faults.ts'

/** Between two tries of one request. */
export const RETRY_DELAY_MS = 250
/** A dead host must not hold up failing over to the next; a killed local broker refuses at once. */
const CONNECT_TIMEOUT_MS = 2000
/** TLS and a login take several round trips more, maybe to another continent. */
const SECURE_CONNECT_TIMEOUT_MS = 5000
/** Longest wait for one answer; a group's rejoin may take its whole rebalance timeout. */
export const REQUEST_TIMEOUT_MS = 15_000

export const READ_UNCOMMITTED = 0
export const READ_COMMITTED = 1
export type Isolation = 'read_committed' | 'read_uncommitted'

type TlsOptions = NonNullable<ConnectionOptions['tls']>
type SaslOptions = NonNullable<ConnectionOptions['sasl']>

interface ClientOptions {
  clientId: string
  bootstrapBrokers: string[]
  connectTimeout: number
  requestTimeout: number
  retryDelay: number
  retries: number
  tls?: TlsOptions
  tlsServerName?: boolean
  sasl?: SaslOptions
}

/** `retries`: how often the client itself tries again; 0 where this code must see every failure (group, fetch, commit). */
export function clientOptions(connection: KafkaConnection, retries: number): ClientOptions {
  const { bootstrap, clientId = 'weirhouse', tls, sasl } = connection
  return {
    clientId,
    bootstrapBrokers: [...bootstrap],
    connectTimeout: tls || sasl ? SECURE_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retryDelay: RETRY_DELAY_MS,
    retries,
    ...(tls ? { tls: tlsOptions(tls), tlsServerName: bootstrap.every(isNamed) } : {}),
    ...(sasl ? { sasl: saslOptions(sasl) } : {}),
  }
}

function tlsOptions({ verifyHost, ...options }: KafkaTls): TlsOptions {
  return verifyHost ? options : { ...options, checkServerIdentity: () => undefined }
}

/** Proxies in front of brokers tell them apart by the name in the handshake (SNI), where an address must not stand. */
function isNamed(address: string): boolean {
  return isIP(brokerAt(address).host) === 0
}

/** `host:port`, an IPv6 address in brackets. */
export function brokerAt(address: string): Broker {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) }
}

function saslOptions(sasl: KafkaSasl): SaslOptions {
  return sasl.mechanism === 'OAUTHBEARER' ? { ...sasl, authBytesValidator: refusedToken } : sasl
}

/**
 * RFC 7628: a broker that does not accept a token says so with no error code, in JSON with a status. The library's own
 * validator would call back twice then.
 */
const refusedToken: NonNullable<SaslOptions['authBytesValidator']> = (bytes, callback) => {
  const refused = /"status"\s*:\s*"([^"]*)"/.exec(bytes.toString('utf8'))
  if (refused) callback(new AuthenticationError(`the brokers do not accept the token: ${refused[1]}`), bytes)
  else callback(null, bytes)
}

export function isolationLevel(isolation: Isolation): 0 | 1 {
  return isolation === 'read_committed' ? READ_COMMITTED : READ_UNCOMMITTED
}

/** The broker's name of an error code: 3 is UNKNOWN_TOPIC_OR_PARTITION. */
export function errorName(code: number): string {
  return protocolErrorsCodesById[code] ?? `error code ${code}`
}

/** Every broker error name inside whatever the client threw, outermost first; a plain "server error" only if it is all. */
export function brokerErrors(error: unknown): string[] {
  const names = new Set<string>()
  visit(error, names)
  // the client notes one for each record of a batch that was refused for another reason
  if (names.size > 1) names.delete('UNKNOWN_SERVER_ERROR')
  return [...names]
}

function visit(error: unknown, names: Set<string>): void {
  if (!(error instanceof Error)) return
  if ('apiId' in error && typeof error.apiId === 'string') names.add(error.apiId)
  if (error instanceof AggregateError) for (const inner of error.errors) visit(inner, names)
  if (error.cause !== undefined) visit(error.cause, names)
}

const tooLarge = "A message is over the topic's max.message.bytes: send less in one. Those acknowledged before it stay."
/** What a broker that is well says no to, and what to do instead. */
const refusals: Readonly<Record<string, string | undefined>> = {
  MESSAGE_TOO_LARGE: tooLarge,
  RECORD_LIST_TOO_LARGE: tooLarge,
  INVALID_TOPIC_EXCEPTION: 'Name it with letters, digits, ".", "_" and "-", at most 249 of them.',
  INVALID_REPLICATION_FACTOR: 'There are fewer brokers than that: lower --replication-factor.',
  INVALID_PARTITIONS: 'Give another number of partitions.',
  INVALID_CONFIG: "Correct the setting: its name and value are Kafka's own.",
  POLICY_VIOLATION: 'The cluster has a policy against it: ask whoever runs it.',
  TOPIC_AUTHORIZATION_FAILED: 'Give this user the right to it.',
  GROUP_AUTHORIZATION_FAILED: 'Give this user READ and DESCRIBE on the group.',
  CLUSTER_AUTHORIZATION_FAILED: 'Give this user the right to it, or have it done by somebody who has.',
}

/** WEIR_KAFKA, or where trying again is of no use WEIR_KAFKA_REFUSED, WEIR_KAFKA_LOGIN, WEIR_KAFKA_TLS, with the broker's own error names in `reason`, and in `details.error` where there is one. */
export function kafkaError(operation: string, error: unknown): WeirError {
  const fault = connectionFault(error)
  if (fault instanceof WeirError) return fault
  if (fault)
    return new WeirError(fault.code, { operation, reason: fault.reason, advice: fault.advice }, { cause: error })
  const names = brokerErrors(error)
  const reason = names.length > 0 ? names.join(', ') : rootMessage(error)
  const advice = names.map((name) => refusals[name]).find((text) => text !== undefined)
  if (advice !== undefined)
    return new WeirError('WEIR_KAFKA_REFUSED', { operation, reason, advice, error: names[0] }, { cause: error })
  return new WeirError('WEIR_KAFKA', { operation, reason, error: names[0] }, { cause: error })
}

/** The innermost message: "connect ECONNREFUSED 127.0.0.1:9092" says more than "metadata failed 4 times". */
function rootMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootMessage(error.errors.at(-1))
  if (error instanceof Error && error.cause instanceof Error) return rootMessage(error.cause)
  return messageOf(error).replace(/\.$/, '')
}

/** Runs a request and turns its failure into WEIR_KAFKA. */
export async function attempt<T>(operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw kafkaError(operation, error)
  }
}
