/**
 * A first look at a cluster that somebody else runs, before any work: the clients that do the work try again and again
 * when a connection fails, which is right while a broker restarts, and no way to hear that a password is wrong.
 */
import { Admin, apiVersionsV1, Connection } from '@platformatic/kafka'
import { WeirError } from '../core/errors.ts'
import { attempt, brokerAt, clientOptions, kafkaError } from './client.ts'
import type { KafkaConnection } from './connection.ts'
import { nested } from './faults.ts'

/** To connect and log in, and then for an answer: less than a person waits. */
const PATIENCE_MS = 4000
/** Of a large cluster that many addresses are tried; all at once. */
const MAX_TRIED = 5

export interface ReachedCluster {
  /** Kafka's own: 22 characters of base64url, the same for all its life. */
  readonly clusterId: string
  /** The names that the brokers give themselves: what clients call after the first answer. */
  readonly brokers: readonly string[]
}

/**
 * Resolves within seconds: one bootstrap address must let this client in, and one broker under the name that it gives
 * itself. Throws WEIR_KAFKA_UNREACHABLE, WEIR_KAFKA_TLS, WEIR_KAFKA_LOGIN, or what failed to make a token.
 */
export async function reachKafka(connection: KafkaConnection): Promise<ReachedCluster> {
  await anyOf(connection, connection.bootstrap)
  const admin = new Admin({ ...clientOptions(connection, 0), requestTimeout: PATIENCE_MS })
  try {
    const operation = `asking ${connection.bootstrap.join(',')} for its brokers`
    const { id, brokers } = await attempt(operation, () => admin.metadata({ topics: [], forceUpdate: true }))
    const names = [...brokers.values()].map(({ host, port }) => `${host}:${port}`)
    const others = names.filter((name) => !connection.bootstrap.includes(name))
    if (others.length === names.length) await anyOf(connection, others, advertised)
    return { clusterId: id, brokers: names }
  } catch (error) {
    throw closedByBroker(connection, error) ?? error
  } finally {
    await admin.close()
  }
}

const advertised =
  'The brokers answered, and gave this address as their own (advertised.listeners): it must be one that this machine can reach.'

/** All at once; the first that answers is enough, else the most telling error. */
async function anyOf(connection: KafkaConnection, addresses: readonly string[], advice?: string): Promise<void> {
  const tries = addresses.slice(0, MAX_TRIED).map((address) => greet(connection, address, advice))
  try {
    await Promise.any(tries)
  } catch (error) {
    const all = (error as AggregateError).errors as WeirError[]
    throw all.find(({ retryable }) => !retryable) ?? all[0]!
  } finally {
    await Promise.allSettled(tries)
  }
}

/** Connects, logs in, and asks the one question that every broker answers anybody. */
async function greet(connection: KafkaConnection, address: string, advice?: string): Promise<void> {
  const { clientId, bootstrapBrokers: _, ...options } = clientOptions({ ...connection, bootstrap: [address] }, 0)
  const broker = new Connection(clientId, { ...options, connectTimeout: PATIENCE_MS, requestTimeout: PATIENCE_MS })
  // With TLS 1.3 a broker that misses the client's certificate says so only after the handshake.
  let told: Error | undefined
  broker.on('error', (error) => (told ??= error))
  const { host, port } = brokerAt(address)
  try {
    await broker.connect(host, port)
    await apiVersionsV1.api.async(broker, '', '')
  } catch (error) {
    throw unreachable(`connecting to ${address}`, told ?? error, connection, advice)
  } finally {
    await broker.close()
  }
}

const network = 'See that this machine may reach it: VPN, security groups; brokers of MSK answer within their VPC only.'

function unreachable(operation: string, error: unknown, connection: KafkaConnection, advice?: string): WeirError {
  const known = kafkaError(operation, error)
  if (known.code !== 'WEIR_KAFKA') return known
  const codes = nested(error).map((each) => (each as NodeJS.ErrnoException).code)
  const told = (reason: string, cure: string) =>
    new WeirError('WEIR_KAFKA_UNREACHABLE', { operation, reason, advice: advice ?? cure }, { cause: error })
  if (codes.includes('ENOTFOUND'))
    return told('there is no host of that name', 'Correct the name in --bootstrap-server.')
  if (codes.includes('EAI_AGAIN')) return told('no name server answers', network)
  if (codes.includes('ECONNREFUSED')) return told('nothing listens there', 'Correct the port, or start the brokers.')
  if (nested(error).some(({ message }) => message.includes('timed out')))
    return told(`no answer within ${PATIENCE_MS / 1000} s`, network)
  if (isClosed(error)) return closed(operation, connection, error)
  return told(String(known.details.reason), network)
}

function isClosed(error: unknown): boolean {
  return nested(error).some((each) => /^Connection closed|ECONNRESET/.test(each.message))
}

/** A listener that wants a login or TLS hangs up on whom it does not understand. */
function closed(operation: string, { tls, sasl }: KafkaConnection, error: unknown): WeirError {
  const missing = tls ? 'a login' : sasl ? 'TLS' : 'TLS, a login, or both'
  const advice = `Set security.protocol in the file of --command-config; it is ${tls ? (sasl ? 'SASL_SSL' : 'SSL') : sasl ? 'SASL_PLAINTEXT' : 'PLAINTEXT'} now.`
  const reason = `the broker hung up, as it does where it wants ${missing}`
  return new WeirError('WEIR_KAFKA_LOGIN', { operation, reason, advice }, { cause: error })
}

function closedByBroker(connection: KafkaConnection, error: unknown): WeirError | undefined {
  const known = error instanceof WeirError && error.code === 'WEIR_KAFKA' && isClosed(error.cause)
  return known ? closed(String(error.details.operation), connection, error) : undefined
}
