/**
 * Percent-encoding as Signature Version 4 wants it ("UriEncode" in the S3 documentation): every byte but
 * A-Z a-z 0-9 - . _ ~ becomes %XX with capital digits; a slash stays in paths and is encoded in queries.
 */
const LEFT_BY_JAVASCRIPT = /[!'()*]/g

export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(
    LEFT_BY_JAVASCRIPT,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** An S3 object key as a path: encoded once, slashes kept, nothing normalised (`a//b` and `a/../b` are keys). */
export function encodeKey(key: string): string {
  return key.split('/').map(encodePart).join('/')
}

/** The canonical query: encoded, ordered by encoded name, then value. Sent as it is signed. */
export function encodeQuery(query: Readonly<Record<string, string>> | undefined): string {
  if (!query) return ''
  const pairs = Object.entries(query).map(([name, value]) => [encodePart(name), encodePart(value)] as const)
  pairs.sort(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
