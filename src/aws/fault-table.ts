/**
 * What each fault of AWS means for delivery (docs/delivery.md, D8). By the service's error name, by Node's error code where
 * the connection failed, else by HTTP status.
 * - retryable: again, inside the deadline, with jitter.
 * - refused: this request's own fault; whether it is a record's is for isolation to prove.
 * - misconfigured: no repetition helps before a person acts; `advice` says what to do.
 * - answer: no fault, but the answer to a question: a condition that does not hold, nothing there.
 */
export type FaultKind = 'retryable' | 'refused' | 'misconfigured' | 'answer'

export interface FaultCause {
  readonly kind: FaultKind
  readonly advice?: string
}

const retryable: FaultCause = { kind: 'retryable' }
const refused: FaultCause = { kind: 'refused' }
const answer: FaultCause = { kind: 'answer' }
const misconfigured = (advice: string): FaultCause => ({ kind: 'misconfigured', advice })

const region = misconfigured('The bucket is in another region than AWS_REGION says.')
const credentials = misconfigured('See that the credentials in the environment are valid, and that the clock is right.')
const permission = misconfigured(
  'Grant the function the permission that the message names (docs/operations.md, "Permissions").',
)
const missing = misconfigured('Create it with `weirhouse up` locally or by deploying on AWS, or correct its name.')
const trust = misconfigured(
  'The certificate is not trusted: name the authority in NODE_EXTRA_CA_CERTS, or correct the endpoint.',
)
const key = misconfigured('See that the KMS key is enabled and that the function may use it.')

/** Names without `Exception` or `Error` at their end: in the answer to a batch or a transaction they often lack it. */
export const faultTable: Readonly<Record<string, FaultCause>> = {
  // throttling
  Throttling: retryable,
  ProvisionedThroughputExceeded: retryable,
  RequestLimitExceeded: retryable,
  SlowDown: retryable,
  TooManyRequests: retryable,
  // the service's own trouble, and requests in each other's way
  InternalServer: retryable,
  Internal: retryable,
  InternalFailure: retryable,
  ServiceUnavailable: retryable,
  RequestTimeout: retryable,
  TransactionConflict: retryable,
  TransactionInProgress: retryable,
  ReplicatedWriteConflict: retryable,
  OperationAborted: retryable,
  /** S3: another conditional write to the key was going on (409). */
  ConditionalRequestConflict: retryable,
  /** S3: the body came damaged; what is sent again is not. */
  BadDigest: retryable,
  CrcMismatch: retryable,
  // time: the client measures the difference and signs again
  RequestTimeTooSkewed: retryable,
  RequestExpired: retryable,
  // answers
  ConditionalCheckFailed: answer,
  /** Each action's own reason is in the answer; without one it is nobody's fault that a record could be blamed for. */
  TransactionCanceled: answer,
  DuplicateItem: answer,
  PreconditionFailed: answer,
  NoSuchKey: answer,
  NotFound: answer,
  // what a store refuses
  Validation: refused,
  Serialization: refused,
  ItemCollectionSizeLimitExceeded: refused,
  EntityTooLarge: refused,
  KeyTooLong: refused,
  // set-up
  ResourceNotFound: missing,
  TableNotFound: missing,
  NoSuchBucket: missing,
  AccessDenied: permission,
  Unauthorized: permission,
  AllAccessDisabled: permission,
  UnrecognizedClient: credentials,
  InvalidSignature: credentials,
  SignatureDoesNotMatch: credentials,
  IncompleteSignature: credentials,
  MissingAuthenticationToken: credentials,
  InvalidAccessKeyId: credentials,
  InvalidClientTokenId: credentials,
  InvalidToken: credentials,
  ExpiredToken: credentials,
  AuthorizationHeaderMalformed: region,
  PermanentRedirect: region,
  InvalidBucketName: misconfigured('Correct the name of the bucket.'),
  UnknownOperation: misconfigured('The endpoint does not know the operation: correct AWS_ENDPOINT_URL.'),
  KMSAccessDenied: key,
  KMSDisabled: key,
  KMSInvalidState: key,
  KMSNotFound: key,
  // Node: the connection
  ECONNRESET: retryable,
  ECONNREFUSED: retryable,
  ECONNABORTED: retryable,
  EPIPE: retryable,
  ETIMEDOUT: retryable,
  EHOSTUNREACH: retryable,
  ENETUNREACH: retryable,
  EADDRNOTAVAIL: retryable,
  EMFILE: retryable,
  EAI_AGAIN: retryable,
  ENOTFOUND: retryable,
  EPROTO: retryable,
  CERT_HAS_EXPIRED: trust,
  CERT_NOT_YET_VALID: trust,
  DEPTH_ZERO_SELF_SIGNED_CERT: trust,
  SELF_SIGNED_CERT_IN_CHAIN: trust,
  UNABLE_TO_GET_ISSUER_CERT: trust,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: trust,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: trust,
  ERR_TLS_CERT_ALTNAME_INVALID: trust,
}

/** As the table has it. */
export function plainName(name: string): string {
  return name.replace(/(?:Exception|Error)$/, '')
}

/** By name first; a name that the table does not know by its status (0: there was no answer). */
export function causeOf(name: string, status: number): FaultCause {
  const plain = plainName(name)
  const known = Object.hasOwn(faultTable, plain) ? faultTable[plain] : undefined
  if (known) return known
  if (status === 401 || status === 403) return permission
  if (status === 404 || status === 412) return answer
  if (status === 408 || status === 429 || status >= 500 || status === 0) return retryable
  return status >= 300 && status < 400 ? misconfigured('Correct AWS_REGION or the endpoint.') : refused
}
