/** Certificates made while a test runs: no key lies in the tree. */
import forge from 'node-forge'

export interface Authority {
  /** Its own certificate, PEM: what NODE_EXTRA_CA_CERTS names. */
  readonly certificate: string
  /** A server's certificate for this host name, signed by the authority. */
  issue(hostName: string): { readonly certificate: string; readonly key: string }
}

const BITS = 2048
const DAY_MS = 86_400_000

export function authority(name: string): Authority {
  const own = forge.pki.rsa.generateKeyPair(BITS)
  const subject = [{ name: 'commonName', value: name }]
  const sign = (publicKey: forge.pki.rsa.PublicKey, of: typeof subject, extensions: object[]) => {
    const made = forge.pki.createCertificate()
    made.publicKey = publicKey
    made.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(8))}`
    made.validity.notBefore = new Date(Date.now() - DAY_MS)
    made.validity.notAfter = new Date(Date.now() + DAY_MS)
    made.setSubject(of)
    made.setIssuer(subject)
    made.setExtensions(extensions)
    made.sign(own.privateKey, forge.md.sha256.create())
    return forge.pki.certificateToPem(made)
  }
  return {
    certificate: sign(own.publicKey, subject, [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true },
    ]),
    issue: (hostName) => {
      const pair = forge.pki.rsa.generateKeyPair(BITS)
      const DNS = 2
      const certificate = sign(
        pair.publicKey,
        [{ name: 'commonName', value: hostName }],
        [
          { name: 'basicConstraints', cA: false },
          { name: 'subjectAltName', altNames: [{ type: DNS, value: hostName }] },
        ],
      )
      return { certificate, key: forge.pki.privateKeyToPem(pair.privateKey) }
    },
  }
}
