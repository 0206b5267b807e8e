/** Why a connection was not made, out of what the client throws: its errors nest, and name the reason innermost. */
import { WeirError } from '../core/errors.ts'

/** A handshake or a login that failed: trying again is of no use. */
export interface ConnectionFault {
  readonly code: 'WEIR_KAFKA_TLS' | 'WEIR_KAFKA_LOGIN'
  readonly reason: string
  readonly advice: string
}

const MAX_DEPTH = 20

/** The error and everything inside it, outermost first. */
export function nested(error: unknown, depth = 0): Error[] {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return []
  const inner = error instanceof AggregateError ? error.errors : []
  return [error, ...[...inner, error.cause].flatMap((each) => nested(each, depth + 1))]
}

/** Undefined: another kind of failure. Errors of ours, such as credentials that are missing, come out as they are. */
export function connectionFault(error: unknown): ConnectionFault | WeirError | undefined {
  const all = nested(error)
  const own = all.find((each) => each instanceof WeirError)
  if (own) return own
  return loginFault(all) ?? tlsFault(all)
}

interface ClientError extends Error {
  readonly code?: string
  /** The broker's name of an error. */
  readonly apiId?: string
  readonly serverErrorMessage?: string | null
  readonly response?: { readonly mechanisms?: readonly string[] }
}

const checkLogin =
  'Check user and password, or the AWS credentials, and sasl.mechanism in the file of --command-config.'

function loginFault(all: readonly ClientError[]): ConnectionFault | undefined {
  const named = (apiId: string) => all.find((each) => each.apiId === apiId)
  const login = (reason: string, advice: string) => ({ code: 'WEIR_KAFKA_LOGIN' as const, reason, advice })
  const refused = named('SASL_AUTHENTICATION_FAILED')
  if (refused) return login(refused.serverErrorMessage || 'the brokers do not accept it', checkLogin)
  if (named('UNSUPPORTED_SASL_MECHANISM')) {
    const offered = all.map((each) => each.response?.mechanisms?.join(', ')).find((text) => text)
    const advice = `Set sasl.mechanism to ${offered ? `one of ${offered}` : 'one that the listener has'}.`
    return login('the listener does not have this mechanism', advice)
  }
  if (named('ILLEGAL_SASL_STATE'))
    return login(
      'the listener wants no login',
      'Set security.protocol to PLAINTEXT or SSL, or name the port of another listener.',
    )
  const other = all.find(({ code }) => code === 'PLT_KFK_AUTHENTICATION')
  // a broker that hangs up says nothing about the login: it may go down, or want TLS
  if (all.some(({ message }) => message.startsWith('Connection closed'))) return undefined
  return other && login(all.at(-1)!.message.replace(/\.$/, ''), checkLogin)
}

const wrongAuthority =
  'Give the authority that signed it with ssl.truststore.type=PEM and ssl.truststore.location in the file of --command-config.'
const wrongHost =
  'Call the brokers by the names in their certificate; an empty ssl.endpoint.identification.algorithm turns the check off.'
const wrongProtocol =
  'Set security.protocol to what this port speaks: SSL and SASL_SSL with TLS, PLAINTEXT and SASL_PLAINTEXT without.'
const ownCertificate =
  'Give the certificate of this client with ssl.keystore.type=PEM and ssl.keystore.location in the file of --command-config.'

/** Codes of Node.js, https://nodejs.org/api/tls.html#x509-certificate-error-codes, and what to do. */
const TLS_CODES: Readonly<Record<string, readonly [reason: string, advice: string] | undefined>> = {
  SELF_SIGNED_CERT_IN_CHAIN: ['the certificate is signed by an authority that is not known here', wrongAuthority],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['the certificate is signed by an authority that is not known here', wrongAuthority],
  UNABLE_TO_GET_ISSUER_CERT: ['the certificate is signed by an authority that is not known here', wrongAuthority],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [
    'the certificate is signed by an authority that is not known here',
    wrongAuthority,
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['the certificate is signed by itself, and not known here', wrongAuthority],
  CERT_SIGNATURE_FAILURE: ['the certificate is not signed by the authority it names', wrongAuthority],
  CERT_HAS_EXPIRED: ['the certificate has expired', 'Renew it on the brokers, or set the clock of this machine.'],
  CERT_NOT_YET_VALID: ['the certificate is not valid yet', 'Set the clock of this machine.'],
}

function tlsFault(all: readonly ClientError[]): ConnectionFault | undefined {
  const tls = (reason: string, advice: string) => ({ code: 'WEIR_KAFKA_TLS' as const, reason, advice })
  for (const { code = '', message } of all) {
    const known = TLS_CODES[code]
    if (known) return tls(...known)
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return tls(message.replace(/[\s.:]+$/, ''), wrongHost)
    if (message.startsWith('TLS handshake failed')) return tls('the brokers do not answer in TLS', wrongProtocol)
    if (message.startsWith('Broker requires TLS')) return tls('the brokers want TLS', wrongProtocol)
    if (/^ERR_SSL_.*ALERT.*(?:CERTIFICATE|UNKNOWN_CA)/.test(code))
      return tls('the brokers want a certificate of this client that they know', ownCertificate)
    if (code.startsWith('ERR_SSL_'))
      return tls(code.slice('ERR_SSL_'.length).toLowerCase().replaceAll('_', ' '), wrongProtocol)
  }
  return undefined
}
