/**
 * The password of a database user that logs in by IAM (Amazon RDS User Guide, "Connecting to your DB instance using IAM
 * authentication"): a presigned request without its scheme, made here, sent to nobody but the database.
 *
 *   host:port/?Action=connect&DBUser=user&X-Amz-...     service rds-db, GET, expires after 15 minutes
 *
 * The 15 minutes are for logging in: a connection that stands outlives them. Each connection gets a token of its own, and none
 * is kept: what was refused once is not offered again.
 */
import { credentialsOf, regionOf } from '../../aws/credentials.ts'
import type { Environment } from '../../aws/credentials.ts'
import { presign } from '../../aws/presign.ts'

const EXPIRES_SECONDS = 900

/** What a token is made from beside the binding. */
export interface TokenPorts {
  /** AWS_REGION or AWS_DEFAULT_REGION, and the credentials that Lambda puts there. */
  readonly variables: Environment
  readonly now: () => number
}

export const systemPorts: TokenPorts = { variables: process.env, now: Date.now }

/** Throws WEIR_CREDENTIALS. */
export function iamToken(
  { host, port, user }: { readonly host: string; readonly port: number; readonly user: string },
  { variables, now }: TokenPorts,
): string {
  const at = `${host}:${port}`
  const query = { Action: 'connect', DBUser: user }
  const request = { method: 'GET', path: '/', query, host: at, expiresSeconds: EXPIRES_SECONDS }
  const scope = { service: 'rds-db', region: regionOf(variables) }
  return `${at}/?${presign(scope, request, credentialsOf(variables), now())}`
}
