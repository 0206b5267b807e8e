import { WeirError } from '../core/errors.ts'

/** What a request is signed with. Never logged, never part of an error. */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Lambda puts the role's credentials into the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
 * Read anew for each request, as cheap as it is. Throws WEIR_CREDENTIALS.
 */
export function credentialsOf(env: Environment): Credentials {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: token } = env
  if (!accessKeyId) throw new WeirError('WEIR_CREDENTIALS', { variable: 'AWS_ACCESS_KEY_ID' })
  if (!secretAccessKey) throw new WeirError('WEIR_CREDENTIALS', { variable: 'AWS_SECRET_ACCESS_KEY' })
  return { accessKeyId, secretAccessKey, ...(token ? { sessionToken: token } : {}) }
}

/** AWS_REGION, or AWS_DEFAULT_REGION. Throws WEIR_CREDENTIALS. */
export function regionOf(env: Environment): string {
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION
  if (!region) throw new WeirError('WEIR_CREDENTIALS', { variable: 'AWS_REGION' })
  return region
}
