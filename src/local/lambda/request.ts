/** Reads what a request to the Lambda API names. Pure. */
import { isIP } from 'node:net'

/** The function's name or ARN in an Invoke path, decoded; undefined for any other path. */
export function invocationPath(url: string): string | undefined {
  const name = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?.*)?$/.exec(url)?.[1]
  if (name === undefined) return undefined
  try {
    return decodeURIComponent(name)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

/**
 * The name in a name, an ARN or a partial ARN, with or without a qualifier.
 * Source: AWS Lambda API reference, Invoke, FunctionName: `my-function`, `my-function:v1`,
 * `arn:aws:lambda:us-west-2:123456789012:function:my-function`, `123456789012:function:my-function`.
 */
export function functionNameOf(nameOrArn: string): string | undefined {
  const match =
    /^(?:(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:)?\d{12}:function:|function:)?([a-zA-Z0-9_-]{1,64})(?::([a-zA-Z0-9_$-]+))?$/.exec(
      nameOrArn,
    )
  if (!match) return undefined
  // There is one version of each function here.
  return match[2] === undefined || match[2] === '$LATEST' ? match[1] : undefined
}

/** True for `127.x.x.x`, `[::1]`, `localhost` and `*.localhost`, which never leave the machine, with or without a port. */
export function isLoopbackHost(host: string | undefined): boolean {
  const match = /^(\[[^\]]*\]|[^:]+)(?::\d{1,5})?$/.exec(host ?? '')
  if (!match) return false
  const name = match[1]!.toLowerCase()
  if (name === '[::1]' || name === 'localhost' || name.endsWith('.localhost')) return true
  return isIP(name) === 4 && name.startsWith('127.')
}
