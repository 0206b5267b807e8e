/** Certificates made at test time: an authority, and what it signs. Keys by Node.js, which is quicker than node-forge. */
import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

export interface Issued {
  /** PEM. */
  readonly certificate: string
  /** PEM, PKCS #8. */
  readonly key: string
}

export interface Authority {
  /** PEM. */
  readonly certificate: string
  /** `hosts`: whom the certificate names. */
  issue(commonName: string, hosts?: readonly string[]): Issued
}

const DAY_MS = 86_400_000
const DNS_NAME = 2

export function createAuthority(commonName: string): Authority {
  const own = keys()
  const subject = [{ name: 'commonName', value: commonName }]
  const extensions = [{ name: 'basicConstraints', cA: true }]
  const certificate = sign(own.publicKey, subject, { subject, key: own.privateKey }, extensions)
  return {
    certificate,
    issue(name, hosts = []) {
      const { publicKey, privateKey } = keys()
      const altNames = hosts.map((value) => ({ type: DNS_NAME, value }))
      const names = hosts.length === 0 ? [] : [{ name: 'subjectAltName', altNames }]
      const signer = { subject, key: own.privateKey }
      return {
        certificate: sign(publicKey, [{ name: 'commonName', value: name }], signer, names),
        key: privateKey,
      }
    },
  }
}

function keys() {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
}

let serial = 0

function sign(
  publicKey: string,
  subject: forge.pki.CertificateField[],
  issuer: { readonly subject: forge.pki.CertificateField[]; readonly key: string },
  extensions: object[],
): string {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = `0${++serial}`
  certificate.validity.notBefore = new Date(Date.now() - DAY_MS)
  certificate.validity.notAfter = new Date(Date.now() + DAY_MS)
  certificate.setSubject(subject)
  certificate.setIssuer(issuer.subject)
  certificate.setExtensions(extensions)
  certificate.sign(forge.pki.privateKeyFromPem(issuer.key), forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate).replaceAll('\r', '')
}
