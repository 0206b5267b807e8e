import { describe, expect, test } from 'vitest'
import { WeirError } from '../core/errors.ts'
import { kafkaError } from './client.ts'

/** As the client nests them: what failed, where, and innermost why. */
function nestedIn(cause: Error): Error {
  const network = Object.assign(new Error('Connection to h:1 failed.', { cause }), { code: 'PLT_KFK_NETWORK' })
  return new AggregateError(
    [new AggregateError([network], 'Cannot connect to any broker.')],
    'metadata failed 4 times.',
  )
}
const coded = (code: string, message = code) => Object.assign(new Error(message), { code })
const answer = (apiId: string, more = {}) => Object.assign(new Error('the broker said no'), { apiId, ...more })

describe('why a connection is not made', () => {
  test.each<[string, Error, string, string]>([
    [
      'a password',
      answer('SASL_AUTHENTICATION_FAILED', { serverErrorMessage: 'no such user' }),
      'WEIR_KAFKA_LOGIN',
      'no such user',
    ],
    [
      'a mechanism',
      answer('UNSUPPORTED_SASL_MECHANISM', { response: { mechanisms: ['PLAIN'] } }),
      'WEIR_KAFKA_LOGIN',
      'Set sasl.mechanism to one of PLAIN.',
    ],
    ['a listener without a login', answer('ILLEGAL_SASL_STATE'), 'WEIR_KAFKA_LOGIN', 'wants no login'],
    [
      'a server that cannot prove itself',
      coded('PLT_KFK_AUTHENTICATION', 'Invalid server signature.'),
      'WEIR_KAFKA_LOGIN',
      'Invalid server signature',
    ],
    ['an unknown authority', coded('SELF_SIGNED_CERT_IN_CHAIN'), 'WEIR_KAFKA_TLS', 'ssl.truststore.location'],
    ['a certificate of yesterday', coded('CERT_HAS_EXPIRED'), 'WEIR_KAFKA_TLS', 'has expired'],
    ['another host', coded('ERR_TLS_CERT_ALTNAME_INVALID', 'not in the list: '), 'WEIR_KAFKA_TLS', 'not in the list.'],
    [
      'no certificate of the client',
      coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
      'WEIR_KAFKA_TLS',
      'ssl.keystore.location',
    ],
    [
      'another version of TLS',
      coded('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'),
      'WEIR_KAFKA_TLS',
      'tlsv1 alert protocol version',
    ],
    ['no TLS where it is wanted', new Error('Broker requires TLS.'), 'WEIR_KAFKA_TLS', 'the brokers want TLS'],
  ])('%s', (_, cause, code, told) => {
    const error = kafkaError('connecting to h:1', nestedIn(cause))
    expect(error).toMatchObject({ code, retryable: false })
    expect(error.toLine()).toContain(told)
  })

  test('an error of ours comes out as it is', () => {
    const own = new WeirError('WEIR_CREDENTIALS', { variable: 'AWS_REGION' })
    expect(kafkaError('connecting', nestedIn(new Error('the provider threw', { cause: own })))).toBe(own)
  })

  test('a broker that hangs up during the login may be going down: that can be tried again', () => {
    const login = Object.assign(new Error('no mechanism', { cause: new Error('Connection closed') }), {
      code: 'PLT_KFK_AUTHENTICATION',
    })
    expect(kafkaError('connecting', nestedIn(login))).toMatchObject({ code: 'WEIR_KAFKA', retryable: true })
  })
})
