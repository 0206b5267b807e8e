export interface Line {
  /** Without the newline; every other byte as it was. */
  readonly bytes: Buffer
  /** False for a last line that no newline ends. */
  readonly complete: boolean
}

const NEWLINE = 0x0a

/** Splits a stream of bytes at `\n`, whatever else it holds. A stream that ends in a newline has no empty line after it. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<Line> {
  // Parts of a line that spans chunks, joined once: a long line must not cost a copy for each of its chunks.
  let parts: Buffer[] = []
  for await (const chunk of chunks) {
    const buffer =
      typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    let from = 0
    for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, from)) {
      const tail = buffer.subarray(from, at)
      yield { bytes: parts.length === 0 ? tail : Buffer.concat([...parts, tail]), complete: true }
      parts = []
      from = at + 1
    }
    if (from < buffer.length) parts.push(buffer.subarray(from))
  }
  if (parts.length > 0) yield { bytes: Buffer.concat(parts), complete: false }
}
