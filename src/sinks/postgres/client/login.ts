/**
 * Answers to the server's question who we are: clear text (under TLS: IAM tokens), MD5, SCRAM-SHA-256 (RFC 5802, RFC 7677). Pure
 * but for the nonce, which is given.
 */
import { createHash, createHmac, hash, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { password as passwordMessage, saslInitial, saslResponse, textsOf } from './messages.ts'

const MECHANISM = 'SCRAM-SHA-256'
/** RFC 5802: no channel binding, no authorisation id. */
const GS2_HEADER = 'n,,'
/** PostgreSQL's own default is 4,096; a server must not keep us busy for ever (D11). */
const MAX_ITERATIONS = 100_000
/** PostgreSQL takes the user of the startup message. */
const USER = 'n=*'

export interface Login {
  readonly user: string
  readonly password: string | undefined
  /** Printable, no comma; never used twice. */
  readonly nonce: string
  /** Nobody listens: TLS, or loopback. */
  readonly isPrivate: boolean
}

/** AuthenticationRequest codes: "Message Formats". */
const OK = 0
const CLEAR_TEXT = 3
const MD5 = 5
const SASL = 10
const SASL_CONTINUE = 11
const SASL_FINAL = 12

/** One login: give it the body of each AuthenticationRequest, send what it answers; 'in' says that the server let us in. */
export function createLogin({ user, password, nonce, isPrivate }: Login): (body: Buffer) => Buffer | 'in' | undefined {
  const first = `${USER},r=${nonce}`
  let expected: Buffer | undefined
  let proven = false
  const given = (): string => {
    if (password === undefined || password === '') throw new Error('no password: the server asks for one')
    return password
  }
  return (body) => {
    const kind = body.readInt32BE(0)
    const rest = body.subarray(4)
    switch (kind) {
      case OK:
        if (expected && !proven) throw new Error('the server did not prove that it knows the password')
        return 'in'
      case CLEAR_TEXT:
        if (!isPrivate) throw new Error('the server asks for the password in clear text, and the connection has no TLS')
        return passwordMessage(given())
      case MD5:
        return passwordMessage(`md5${md5(Buffer.concat([Buffer.from(md5(given() + user)), rest]))}`)
      case SASL:
        if (!textsOf(rest).includes(MECHANISM)) throw new Error(`the server offers no ${MECHANISM}`)
        given()
        return saslInitial(MECHANISM, GS2_HEADER + first)
      case SASL_CONTINUE: {
        const proof = scramProof(given(), first, nonce, rest.toString('utf8'))
        expected = proof.serverSignature
        return saslResponse(proof.answer)
      }
      case SASL_FINAL: {
        const signature = Buffer.from(attribute(rest.toString('utf8'), 'v'), 'base64')
        proven = expected?.length === signature.length && timingSafeEqual(expected, signature)
        return undefined
      }
      default:
        throw new Error(`the server asks for a way of authentication that is not supported: ${kind}`)
    }
  }
}

/** What the client says, and what the server must then say. `first`: our first message, without the GS2 header. */
export function scramProof(password: string, first: string, nonce: string, serverFirst: string) {
  const combined = attribute(serverFirst, 'r')
  if (!combined.startsWith(nonce) || combined.length === nonce.length)
    throw new Error('the server did not take up the nonce')
  const salt = Buffer.from(attribute(serverFirst, 's'), 'base64')
  const iterations = Number(attribute(serverFirst, 'i'))
  if (!(iterations > 0 && iterations <= MAX_ITERATIONS)) throw new Error(`the server asks for ${iterations} iterations`)
  const salted = pbkdf2Sync(prepared(password), salt, iterations, 32, 'sha256')
  const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${combined}`
  const said = `${first},${serverFirst},${withoutProof}`
  const clientKey = hmac(salted, 'Client Key')
  const signature = hmac(hash('sha256', clientKey, 'buffer'), said)
  const proof = Buffer.from(clientKey.map((byte, i) => byte ^ signature[i]!))
  return {
    answer: `${withoutProof},p=${proof.toString('base64')}`,
    serverSignature: hmac(hmac(salted, 'Server Key'), said),
  }
}

function attribute(text: string, name: string): string {
  const found = text.split(',').find((each) => each.startsWith(`${name}=`))
  if (found === undefined) throw new Error(`the server's answer has no ${name}=`)
  return found.slice(2)
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** PostgreSQL's own scheme of old; the server chooses it. */
function md5(text: string | Buffer): string {
  return createHash('md5').update(text).digest('hex')
}

/** SASLprep (RFC 4013), sections 2.1 and 2.2: odd spaces are spaces, what is mapped to nothing goes, NFKC. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/g
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/g

function prepared(password: string): string {
  return password.replaceAll(SPACES, ' ').replaceAll(NOTHING, '').normalize('NFKC')
}
