/**
 * Causes of failure as data (D8): what the engine does about each. Source of the codes: PostgreSQL, appendix A, "Error
 * Codes"; Node.js, "Common system errors" and TLS. A full code stands before its class (the first two characters).
 */
import { messageOf, withCode } from '../../core/errors.ts'

/** Again inside the deadline; this record's own fault; or a person must act. */
export type FaultKind = 'retryable' | 'refused' | 'misconfigured'

export interface Fault {
  readonly kind: FaultKind
  /** SQLSTATE or Node's code; 'unknown' where there is neither. */
  readonly code: string
  readonly advice: string
  readonly reason: string
}

interface Cause {
  readonly kind: FaultKind
  readonly advice: string
}

const retryable = (advice: string): Cause => ({ kind: 'retryable', advice })
const again = (what: string): Cause => retryable(`${what}; the batch is sent again.`)
const refused = (advice = 'Correct the record, the transform or the table.'): Cause => ({ kind: 'refused', advice })
const misconfigured = (advice: string): Cause => ({ kind: 'misconfigured', advice })

const grantAdvice = 'Grant the user the rights of docs/operations.md, "Permissions", or correct the binding.'
export const MIGRATE = 'Bring the database to the definition: `weirhouse migrate`.'
const untrusted = misconfigured(
  'Name the certificate authority of the server: for Amazon RDS, in a function, NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem.',
)
const unlikeDefinition = misconfigured(MIGRATE)
const sentAgain = retryable('The batch is sent again.')
const inFunction = refused('A function or trigger of the table failed on this row.')
const byConstraint = refused('A constraint of the table forbids this row.')
const unreached = retryable('There is no route to the server: see the network rules.')

export const faultTable: Readonly<Record<string, Cause>> = {
  // classes
  '08': again('The connection broke'),
  '09': refused(),
  '21': refused('Two rows of one key met in one statement; they are tried singly.'),
  '22': refused('The table cannot hold this value.'),
  '23': byConstraint,
  '27': refused(),
  '28': misconfigured(
    'The server does not let this user in: see that `weirhouse migrate` made it, that it may log in, and that pg_hba.conf has a line for it.',
  ),
  '2F': inFunction,
  '38': inFunction,
  '39': inFunction,
  '3D': misconfigured('Correct the database in the binding, or create it.'),
  '3F': unlikeDefinition,
  '40': again('Two transactions met'),
  '42': unlikeDefinition,
  '44': refused('A WITH CHECK OPTION forbids this row.'),
  '53': retryable('The server is out of a resource: connections, memory or disk. See its metrics.'),
  '54': refused('The row goes beyond a limit of PostgreSQL.'),
  '55': misconfigured('The table is in no state to be written; see the message.'),
  '57': again('The server stopped or cancelled the work'),
  '58': retryable('The server had trouble with its own files; see its log.'),
  P0: refused('A trigger of the table raised an error on this row.'),
  XX: retryable('The server reports an internal error; see its log.'),
  // single codes that differ from their class
  '0A000': misconfigured('The table is of a kind that cannot be written this way (row-level security, a view).'),
  '25006': retryable('The server is read-only, as after a failover; the batch is sent again on a new connection.'),
  '25P03': again('The transaction was idle for too long and was ended'),
  '25P04': again('The transaction took too long and was ended'),
  '28P01': misconfigured(
    "Correct the password in the binding. With auth 'iam' the user was not granted rds_iam: `weirhouse migrate` does so.",
  ),
  '26000': retryable('The connection lost its prepared statements; the batch is sent again on a new one.'),
  '40002': byConstraint,
  '42501': misconfigured(grantAdvice),
  '55P03': again('Another transaction kept a lock'),
  '57P04': misconfigured('The database was dropped: create it, or correct the binding.'),
  // Node
  CERT_HAS_EXPIRED: misconfigured('The certificate of the server has expired: renew it.'),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  ERR_TLS_CERT_ALTNAME_INVALID: misconfigured(
    "The certificate is of another host: bind the sink to the server's own name, no alias and no address.",
  ),
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  EACCES: misconfigured('The function may not open connections: see its network rules.'),
  EAI_AGAIN: retryable('The name of the host did not resolve just now.'),
  ENOTFOUND: retryable('The name of the host does not resolve: see that it is spelled right.'),
  ECONNREFUSED: retryable('Nothing listens there: see that the server is up and the port right.'),
  ECONNRESET: sentAgain,
  EHOSTUNREACH: unreached,
  ENETUNREACH: unreached,
  EPIPE: sentAgain,
  ETIMEDOUT: retryable('The server did not answer: see that it is up and the network rules let the function in.'),
}

/** Who is not let in: one code, told apart by the server's text. Source: PostgreSQL, auth.c. */
const refusals: readonly (readonly [RegExp, Cause])[] = [
  [
    /PAM authentication failed/,
    misconfigured(
      "Allow the function's role rds-db:connect on this database user, and turn on IAM authentication of the instance. No token is kept: the next try makes a new one.",
    ),
  ],
  [
    /no encryption$/,
    misconfigured("The server takes TLS connections alone: leave ssl out of the binding, or say 'verify'."),
  ],
]

/** Faults that pg raises itself and gives no code. */
const messages: readonly (readonly [RegExp, Cause])[] = [
  [/does not support SSL/i, misconfigured("The server speaks no TLS: enable it there, or bind with ssl: 'off'.")],
  [
    /in clear text, and the connection has no TLS/,
    misconfigured("Bind with ssl: 'verify', or let the server ask by SCRAM."),
  ],
  [/password must be a string|no password/i, misconfigured('Give the binding a password.')],
  [/connection terminated|not queryable|timeout expired|connection error|was closed/i, sentAgain],
]

/** By class. A class that PostgreSQL does not have comes from a trigger that gave its exception such a code. */
function classCause(code: string): Cause | undefined {
  return faultTable[code.slice(0, 2)] ?? (OTHER_CLASSES.test(code) ? undefined : ownCode)
}

/** PostgreSQL's own classes that the table says nothing about: what they tell is no record's fault. */
const OTHER_CLASSES = /^(?:00|01|02|03|0B|0F|0L|0P|0Z|10|20|24|25|26|2B|2D|34|3B|72|F0|HV)/
const ownCode = refused('A function or trigger of the table failed on this row, with a code of its own.')

/** What to do about anything that `pg` or the network threw. What is not in the table is retryable: bounded, then the mapping's. */
export function faultOf(error: unknown): Fault {
  const reason = messageOf(error)
  const code = codeOf(error)
  const cause =
    (code?.startsWith('28') ? refusals.find(([pattern]) => pattern.test(reason))?.[1] : undefined) ??
    (code === undefined ? undefined : (faultTable[code] ?? (isSqlState(code) ? classCause(code) : undefined))) ??
    messages.find(([pattern]) => pattern.test(reason))?.[1] ??
    sentAgain
  return { ...cause, code: code ?? 'unknown', reason }
}

/** The server rolled the transaction back, or will, and the connection can still be used. */
export function keepsConnection({ code }: Fault): boolean {
  return isSqlState(code) && !['08', '57P', '58', '53', '25', '26', '0A', 'XX'].some((start) => code.startsWith(start))
}

/** The server did not let the user in. */
export function isLoginRefused({ code }: Fault): boolean {
  return isSqlState(code) && code.startsWith('28')
}

/** What a log may hold: the text of a fault of data can quote the row (N5). A dead letter keeps it. */
export function tellable({ kind, code, reason }: Fault): string {
  return kind === 'refused' ? `SQLSTATE ${code}, whose text may quote a row and is left out` : withCode(code, reason)
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('E')
}

function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const code: unknown = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : undefined
}
