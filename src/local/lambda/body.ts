import type { IncomingMessage } from 'node:http'

export interface Body {
  /** Empty where it is too large. */
  readonly bytes: Buffer
  /** How many there were, kept or not. */
  readonly length: number
  readonly tooLarge: boolean
}

/** Reads a body of up to `limit` bytes. A larger one is read to its end, so that its sender hears the answer, but not kept. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Body> {
  let chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > limit) chunks = []
    else chunks.push(chunk)
  }
  return { bytes: Buffer.concat(chunks), length, tooLarge: length > limit }
}
