import { createPrivateKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createAuthority } from '../../test/support/certificates.ts'
import { WeirError } from '../core/errors.ts'
import { parseClientProperties } from './properties.ts'

const authority = createAuthority('authority')
const client = authority.issue('client')
const other = authority.issue('other')
const locked = createPrivateKey(client.key).export({
  type: 'pkcs8',
  format: 'pem',
  cipher: 'aes-256-cbc',
  passphrase: 's3cret',
}) as string
const files: Readonly<Record<string, string>> = {
  'ca.pem': authority.certificate,
  'client.pem': `Bag Attributes: none\n${client.key}${client.certificate}${authority.certificate}`,
  'locked.pem': locked + client.certificate,
  'mixed.pem': `${client.key}${other.certificate}`,
  'no.pem': 'nothing of the kind',
}

function read(path: string): string {
  const text = files[path]
  if (text === undefined) throw new Error(`no such file: ${path}`)
  return text
}

const parse = (...lines: string[]) => parseClientProperties({ file: 'c.properties', text: lines.join('\n') }, read)
const scram =
  'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="pw";'
const plain =
  'sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="pw";'
const iam = 'sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required;'
const iamHandler = 'sasl.client.callback.handler.class=software.amazon.msk.auth.iam.IAMClientCallbackHandler'
const ssl = 'security.protocol=SSL'
const sasl = 'security.protocol=SASL_PLAINTEXT'
const saslSsl = 'security.protocol=SASL_SSL'
const pem = 'ssl.truststore.type=PEM'
const keyPem = 'ssl.keystore.type=PEM'
const ofOneLine = (text: string) => text.trim().replaceAll('\n', ' ')
const withEscapes = (text: string) => text.trim().replaceAll('\n', '\\n\\\n')

describe('what a client is made of', () => {
  test.each<[string, string[], object]>([
    ['nothing', [], { ignored: [] }],
    ['plain text, by name', ['security.protocol=plaintext', 'client.id=me'], { clientId: 'me', ignored: [] }],
    ['TLS alone', [ssl], { tls: { verifyHost: true }, ignored: [] }],
    ['a host that is not verified', [ssl, 'ssl.endpoint.identification.algorithm='], { tls: { verifyHost: false } }],
    ['a host that is', [ssl, 'ssl.endpoint.identification.algorithm=HTTPS'], { tls: { verifyHost: true } }],
    ['an authority in a file', [ssl, pem, 'ssl.truststore.location=ca.pem'], { tls: { ca: authority.certificate } }],
    [
      'an authority on one line',
      [ssl, pem, `ssl.truststore.certificates=${ofOneLine(authority.certificate)}`],
      { tls: { ca: authority.certificate } },
    ],
    [
      'an authority with escapes',
      [ssl, pem, `ssl.truststore.certificates=${withEscapes(authority.certificate)}`],
      { tls: { ca: authority.certificate } },
    ],
    [
      'a certificate of the client in a file, with its chain',
      [ssl, keyPem, 'ssl.keystore.location=client.pem'],
      {
        tls: {
          cert: client.certificate + authority.certificate,
          key: client.key,
        },
      },
    ],
    [
      'a certificate of the client in the text',
      [
        ssl,
        keyPem,
        `ssl.keystore.key=${withEscapes(client.key)}`,
        `ssl.keystore.certificate.chain=${ofOneLine(client.certificate)}`,
      ],
      { tls: { cert: client.certificate, key: client.key } },
    ],
    [
      'a key with a password',
      [ssl, keyPem, 'ssl.keystore.location=locked.pem', 'ssl.key.password=s3cret'],
      { tls: { cert: client.certificate, key: locked, passphrase: 's3cret' } },
    ],
    ['versions', [ssl, 'ssl.enabled.protocols=TLSv1.3'], { tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } }],
    [
      'SCRAM',
      [sasl, 'sasl.mechanism=SCRAM-SHA-512', scram],
      { login: { mechanism: 'SCRAM-SHA-512', username: 'u', password: 'pw' }, ignored: [] },
    ],
    [
      'PLAIN over TLS',
      [saslSsl, 'sasl.mechanism=PLAIN', plain],
      { tls: { verifyHost: true }, login: { mechanism: 'PLAIN', username: 'u', password: 'pw' } },
    ],
    [
      'IAM of MSK',
      [saslSsl, 'sasl.mechanism=AWS_MSK_IAM', iam, iamHandler],
      { tls: { verifyHost: true }, login: { mechanism: 'AWS_MSK_IAM' }, ignored: [] },
    ],
    [
      'IAM of MSK with a profile',
      [saslSsl, 'sasl.mechanism=AWS_MSK_IAM', iam.replace(';', ' awsProfileName="dev";')],
      { login: { mechanism: 'AWS_MSK_IAM', profile: 'dev' } },
    ],
    ['of doubles the last one', ['client.id=a', 'client.id=b'], { clientId: 'b' }],
    [
      'what other clients want is told, not used',
      ['bootstrap.servers=x:1', 'acks=all', 'group.id=g'],
      { ignored: ['acks', 'group.id'] },
    ],
    [
      'what is of Java alone, and of a renewal',
      [saslSsl, 'sasl.mechanism=PLAIN', plain, 'ssl.protocol=TLSv1.3', 'sasl.login.refresh.buffer.seconds=1'],
      { ignored: ['ssl.protocol', 'sasl.login.refresh.buffer.seconds'] },
    ],
    [
      'TLS and login that the protocol does not use',
      ['ssl.truststore.location=x.jks', scram],
      { ignored: ['ssl.truststore.location', 'sasl.jaas.config'] },
    ],
  ])('%s', (_, lines, expected) => {
    expect(parse(...lines)).toMatchObject(expected)
  })
})

describe('what is wrong is told with file, line, key, what was got and expected', () => {
  test.each<[string, string[], string]>([
    [
      'a protocol',
      ['', 'security.protocol=TLS'],
      'c.properties, line 2: security.protocol: got "TLS", expected PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL.',
    ],
    [
      'a broken escape',
      ['a=1', 'b=\\u12'],
      'c.properties, line 2: escape: got something else, expected four hexadecimal digits after \\u.',
    ],
    [
      'a Java store',
      [ssl, 'ssl.truststore.location=x.jks'],
      "c.properties: ssl.truststore.type: got nothing, which is Kafka's JKS, expected PEM.",
    ],
    [
      'another store',
      [ssl, 'ssl.truststore.type=PKCS12', 'ssl.truststore.location=x.p12'],
      'line 2: ssl.truststore.type: got "PKCS12", expected PEM.',
    ],
    [
      'a file that is not there',
      [ssl, pem, 'ssl.truststore.location=y.pem'],
      'line 3: ssl.truststore.location: got "y.pem", expected a file that can be read (no such file: y.pem).',
    ],
    [
      'a file of something else',
      [ssl, pem, 'ssl.truststore.location=no.pem'],
      'ssl.truststore.location: got "no.pem", expected -----BEGIN CERTIFICATE----- and what follows.',
    ],
    [
      'an authority twice',
      [ssl, pem, 'ssl.truststore.location=ca.pem', `ssl.truststore.certificates=${ofOneLine(authority.certificate)}`],
      'line 4: ssl.truststore.certificates: got it and ssl.truststore.location, expected one of the two.',
    ],
    [
      'bytes that are no certificate',
      [ssl, pem, 'ssl.truststore.certificates=-----BEGIN CERTIFICATE----- QUJD -----END CERTIFICATE-----'],
      'line 3: ssl.truststore.certificates: got a value that is not shown, expected certificates that OpenSSL can read',
    ],
    [
      'a key of another certificate',
      [ssl, keyPem, 'ssl.keystore.location=mixed.pem'],
      'line 3: ssl.keystore.location: got "mixed.pem", expected a key, its certificate and ssl.key.password that OpenSSL can read',
    ],
    [
      'the wrong password of a key',
      [ssl, keyPem, 'ssl.keystore.location=locked.pem', 'ssl.key.password=s3cret2'],
      'line 3: ssl.keystore.location: got "locked.pem", expected a key, its certificate and ssl.key.password that OpenSSL can read',
    ],
    [
      'half a key pair',
      [ssl, keyPem, `ssl.keystore.key=${ofOneLine(client.key)}`],
      'ssl.keystore.certificate.chain: got nothing, expected a value: the other half is given.',
    ],
    [
      'a password of a PEM store',
      [ssl, pem, 'ssl.truststore.location=ca.pem', 'ssl.truststore.password=s3cret'],
      'line 4: ssl.truststore.password: got a value that is not shown, expected nothing, as with Kafka: PEM has none.',
    ],
    [
      'a check of hosts',
      [ssl, 'ssl.endpoint.identification.algorithm=LDAPS'],
      'line 2: ssl.endpoint.identification.algorithm: got "LDAPS", expected https, an empty value.',
    ],
    [
      'an old version',
      [ssl, 'ssl.enabled.protocols=TLSv1.1,TLSv1.2'],
      'line 2: ssl.enabled.protocols: got "TLSv1.1,TLSv1.2", expected TLSv1.2, TLSv1.3 or both.',
    ],
    [
      'no mechanism',
      [sasl, scram],
      "c.properties: sasl.mechanism: got nothing, which is Kafka's GSSAPI, expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, AWS_MSK_IAM.",
    ],
    [
      'OAUTHBEARER',
      [sasl, 'sasl.mechanism=OAUTHBEARER'],
      'line 2: sasl.mechanism: got "OAUTHBEARER", expected PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, AWS_MSK_IAM.',
    ],
    [
      'no login',
      [sasl, 'sasl.mechanism=PLAIN'],
      'c.properties: sasl.jaas.config: got nothing, expected org.apache.kafka.common.security.plain.PlainLoginModule required ...;.',
    ],
    [
      'the module of another mechanism',
      [sasl, 'sasl.mechanism=PLAIN', scram],
      'line 3: sasl.jaas.config: got org.apache.kafka.common.security.scram.ScramLoginModule, expected org.apache.kafka.common.security.plain.PlainLoginModule for PLAIN.',
    ],
    [
      'a login that is not closed',
      [sasl, 'sasl.mechanism=PLAIN', plain.slice(0, -1)],
      'line 3: sasl.jaas.config: got a value that is not shown, expected a semicolon at the end.',
    ],
    [
      'a login without a user',
      [sasl, 'sasl.mechanism=PLAIN', plain.replace('username="u"', '')],
      'line 3: sasl.jaas.config: got no username, expected username="...".',
    ],
    [
      'IAM without TLS',
      [sasl, 'sasl.mechanism=AWS_MSK_IAM', iam],
      'line 1: security.protocol: got "SASL_PLAINTEXT", expected SASL_SSL: brokers of MSK take IAM over TLS only.',
    ],
    [
      'IAM with a role',
      [saslSsl, 'sasl.mechanism=AWS_MSK_IAM', iam.replace(';', ' awsRoleArn="arn:x";')],
      'line 3: sasl.jaas.config: got awsRoleArn, expected no option but awsProfileName.',
    ],
    [
      'a handler of somebody',
      [sasl, 'sasl.mechanism=PLAIN', plain, 'sasl.client.callback.handler.class=x.Y'],
      'line 4: sasl.client.callback.handler.class: got "x.Y", expected software',
    ],
    [
      'a setting of TLS that is not known',
      [ssl, 'ssl.cipher.suites=X'],
      'line 2: ssl.cipher.suites: got "X", expected no such setting.',
    ],
    [
      'one of security that is not known',
      ['security.protocl=SSL'],
      'line 1: security.protocl: got "SSL", expected no such setting.',
    ],
  ])('%s', (_, lines, message) => {
    const error = caught(() => parse(...lines))
    expect(error.code).toBe('WEIR_KAFKA_PROPERTIES')
    expect(error.message).toContain(message)
    expect(error.cure).not.toBe('')
    // user and password of every case, and what stands in a key
    for (const secret of ['"pw"', 's3cret', client.key.split('\n')[1]!])
      expect(JSON.stringify([error.toLine(), error.details])).not.toContain(secret)
  })
})

function caught(act: () => unknown): WeirError {
  try {
    act()
  } catch (error) {
    if (error instanceof WeirError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
