/** `ssl.*` of a client.properties, as Kafka's DefaultSslEngineFactory takes it, stores of type PEM only. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { messageOf } from '../core/errors.ts'
import type { KafkaTls, TlsVersion } from './connection.ts'
import type { PropertySet } from './property-set.ts'

/** Reads a file that a property names. Throws Error. */
export type ReadFile = (path: string) => string

const toPem =
  'A Java store becomes PEM with: keytool -exportcert -rfc -alias ALIAS -keystore FILE; a PKCS12 one with: openssl pkcs12 -in FILE -nodes.'

export function readTls(set: PropertySet, read: ReadFile): KafkaTls {
  const ca = trusted(set, read)
  const own = keyPair(set, read)
  const algorithm = set.choose('ssl.endpoint.identification.algorithm', ['https', ''], 'An empty value turns it off.')
  return { ...ca, ...own, ...versions(set), verifyHost: algorithm === 'https' }
}

function trusted(set: PropertySet, read: ReadFile): { ca?: string } {
  const inline = set.take('ssl.truststore.certificates')
  const path = set.take('ssl.truststore.location')
  mustBePem(set, 'ssl.truststore', inline ?? path)
  if (inline === undefined && path === undefined) return {}
  const key = inline === undefined ? 'ssl.truststore.location' : 'ssl.truststore.certificates'
  if (inline !== undefined && path !== undefined) throw both(set, key, 'ssl.truststore.location')
  const ca = certificates(set, key, inline ?? contents(set, key, path!, read))
  return { ca }
}

function keyPair(set: PropertySet, read: ReadFile): { cert?: string; key?: string; passphrase?: string } {
  const path = set.take('ssl.keystore.location')
  const inlineKey = set.take('ssl.keystore.key')
  const chain = set.take('ssl.keystore.certificate.chain')
  const passphrase = set.take('ssl.key.password')
  const secret = passphrase === undefined ? {} : { passphrase }
  mustBePem(set, 'ssl.keystore', path ?? inlineKey ?? chain)
  if (path !== undefined) {
    const where = 'ssl.keystore.location'
    if (inlineKey !== undefined || chain !== undefined) throw both(set, where, 'ssl.keystore.key')
    const text = contents(set, where, path, read)
    const pair = { cert: certificates(set, where, text), key: privateKey(set, where, text), ...secret }
    mustFit(set, where, pair)
    return pair
  }
  if (inlineKey === undefined && chain === undefined) return {}
  const other = { expected: 'a value: the other half is given' }
  const key = privateKey(set, 'ssl.keystore.key', set.need('ssl.keystore.key', other))
  const where = 'ssl.keystore.certificate.chain'
  const cert = certificates(set, where, set.need(where, other))
  mustFit(set, 'ssl.keystore.key', { cert, key, ...secret })
  return { cert, key, ...secret }
}

function both(set: PropertySet, key: string, other: string) {
  return set.fault(key, { got: `it and ${other}`, expected: 'one of the two' })
}

/** Kafka's own default type is JKS, which only Java reads. */
function mustBePem(set: PropertySet, store: string, used: string | undefined): void {
  const type = set.take(`${store}.type`)
  const password = set.take(`${store}.password`)
  if (used === undefined && password === undefined) return
  if (type?.toUpperCase() !== 'PEM') {
    const got = type === undefined ? "nothing, which is Kafka's JKS" : `"${type}"`
    throw set.fault(`${store}.type`, { got, expected: 'PEM', advice: toPem })
  }
  if (password !== undefined) throw set.fault(`${store}.password`, { expected: 'nothing, as with Kafka: PEM has none' })
}

function contents(set: PropertySet, key: string, path: string, read: ReadFile): string {
  try {
    return read(path)
  } catch (error) {
    throw set.fault(key, { expected: `a file that can be read (${messageOf(error)})` })
  }
}

function certificates(set: PropertySet, key: string, text: string): string {
  const found = pemBlocks(text, /CERTIFICATE$/)
  if (found.length === 0) throw set.fault(key, { expected: '-----BEGIN CERTIFICATE----- and what follows' })
  // OpenSSL passes over an authority that it cannot read
  for (const pem of found) readable(set, key, 'certificates', () => new X509Certificate(pem))
  return found.join('')
}

function privateKey(set: PropertySet, key: string, text: string): string {
  const found = pemBlocks(text, /PRIVATE KEY$/)
  if (found.length === 0) throw set.fault(key, { expected: '-----BEGIN PRIVATE KEY----- and what follows' })
  return found.join('')
}

/** Here rather than at the first connection, where nobody could say which property it is. */
function mustFit(set: PropertySet, key: string, pair: { cert: string; key: string; passphrase?: string }): void {
  readable(set, key, 'a key, its certificate and ssl.key.password', () => createSecureContext(pair))
}

function readable(set: PropertySet, key: string, what: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    const reason = messageOf(error).replace(/^error:[\dA-F]+:/i, '')
    throw set.fault(key, { expected: `${what} that OpenSSL can read (${reason})` })
  }
}

/** A value on one line has blanks where PEM has line ends: Kafka takes both, OpenSSL does not. */
function pemBlocks(text: string, label: RegExp): string[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g)]
    .filter(([, name]) => label.test(name!))
    .map(([, name, body]) => {
      const lines = body!.replaceAll(/\s+/g, '').match(/.{1,64}/g) ?? []
      return `-----BEGIN ${name}-----\n${lines.join('\n')}\n-----END ${name}-----\n`
    })
}

/** Only those that both know; older ones are refused by Node.js and by Kafka. */
function versions(set: PropertySet): { minVersion?: TlsVersion; maxVersion?: TlsVersion } {
  const given = set.take('ssl.enabled.protocols')
  if (given === undefined) return {}
  const names = given.split(',').map((name) => name.trim())
  const [two, three] = [names.includes('TLSv1.2'), names.includes('TLSv1.3')]
  if (names.some((name) => !['TLSv1.2', 'TLSv1.3'].includes(name)) || !(two || three))
    throw set.fault('ssl.enabled.protocols', { expected: 'TLSv1.2, TLSv1.3 or both' })
  return { minVersion: two ? 'TLSv1.2' : 'TLSv1.3', maxVersion: three ? 'TLSv1.3' : 'TLSv1.2' }
}
