/** Objects of records' own bytes, read by code of the audit's own: each value in base64, one after the other. */
import type { SourceRecord } from '../../core/record.ts'

const NEWLINE = 0x0a
const LENGTH_BYTES = 4

/** One value stands for all rows of its record. */
export function expectedRaw({ value }: Pick<SourceRecord, 'value'>): string {
  return value === null ? 'null' : value.toString('base64')
}

export const rawRows = {
  raw: (body: AsyncIterable<Buffer>) => lines(body, (line) => line.toString('base64')),
  'raw-base64': (body: AsyncIterable<Buffer>) => lines(body, fromBase64),
  'raw-length': frames,
} as const

/** Undefined for what is no base64: Buffer.from passes over such letters. */
function fromBase64(line: Buffer): string | undefined {
  const text = line.toString('latin1')
  return Buffer.from(text, 'base64').toString('base64') === text ? text : undefined
}

/** Undefined for a last line without its end. */
async function* lines(
  body: AsyncIterable<Buffer>,
  read: (line: Buffer) => string | undefined,
): AsyncGenerator<string | undefined> {
  let rest: Buffer[] = []
  for await (const chunk of body) {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      yield read(Buffer.concat([...rest, chunk.subarray(from, end)]))
      rest = []
      from = end + 1
    }
    if (from < chunk.length) rest.push(chunk.subarray(from))
  }
  if (rest.length > 0) yield undefined
}

/** Undefined for a last value that is cut off. */
async function* frames(body: AsyncIterable<Buffer>): AsyncGenerator<string | undefined> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of body) {
    held = Buffer.concat([held, chunk])
    let at = 0
    while (held.length >= at + LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + held.readUInt32BE(at)
      if (held.length < end) break
      yield held.toString('base64', at + LENGTH_BYTES, end)
      at = end
    }
    held = held.subarray(at)
  }
  if (held.length > 0) yield undefined
}
