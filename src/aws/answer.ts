/**
 * HTTP/1.1 answers (RFC 9112), as far as AWS and the servers that stand in for it send them. Node's own client gives the same
 * (answer.test.ts holds it to that) for several times the CPU. Pure.
 */
import { coded } from '../core/errors.ts'

export interface AwsResponse {
  readonly status: number
  /** By lower-case name; what is repeated is joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface Answer extends AwsResponse {
  /** The connection can take another request. */
  readonly reusable: boolean
}

export interface AnswerReader {
  /** Undefined until the answer is whole. Throws for what is no HTTP, or too long: the connection is then done with. */
  read(chunk: Buffer): Answer | undefined
  /** The connection ended: the answer where that is what its body ends with. */
  end(): Answer | undefined
}

/** As Node allows. */
const MAX_HEAD_BYTES = 16 * 1024
const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

interface Head {
  readonly status: number
  readonly headers: Record<string, string>
  readonly lasting: boolean
  /** Bytes of the body; how to find its end where that is not said. */
  readonly length: number | 'chunked' | 'until the end'
}

export function createAnswerReader(method: string, maxBytes: number): AnswerReader {
  let head: Head | undefined
  /** What came and was not understood yet; of a body with a length, all of it. */
  let waiting: Buffer[] = []
  let bytes = 0
  const parts: Buffer[] = []
  let size = 0

  const joined = (): Buffer => {
    const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting, bytes)
    waiting = [all]
    return all
  }
  const keep = (rest: Buffer) => {
    waiting = [rest]
    bytes = rest.length
  }
  const whole = (body: Buffer, left: number): Answer => {
    const { status, headers, lasting } = head!
    return { status, headers, body, reusable: lasting && left === 0 }
  }

  function readHead(): boolean {
    const all = joined()
    const end = all.indexOf(HEAD_END)
    if (end < 0 ? all.length > MAX_HEAD_BYTES : end > MAX_HEAD_BYTES) throw malformed('its head is too long')
    if (end < 0) return false
    const found = headOf(all.toString('latin1', 0, end), method)
    keep(all.subarray(end + HEAD_END.length))
    if (found.status < 200) return readHead() // "continue" and other news that come before the answer
    head = found
    return true
  }

  function readChunks(): Answer | undefined {
    for (;;) {
      const all = joined()
      const line = all.indexOf(LINE_END)
      if (line < 0) return undefined
      const length = chunkLength(all.toString('latin1', 0, line))
      const from = line + 2
      if (length === 0) {
        // Trailers, which say nothing here, end with an empty line.
        const end = all.indexOf(HEAD_END, line)
        return end < 0 ? undefined : whole(Buffer.concat(parts, size), all.length - end - HEAD_END.length)
      }
      size += within(length)
      if (all.length < from + length + 2) {
        size -= length
        return undefined
      }
      parts.push(all.subarray(from, from + length))
      keep(all.subarray(from + length + 2))
    }
  }

  function within(more: number): number {
    if (size + more > maxBytes) throw coded('EMSGSIZE', `the answer is over ${maxBytes} bytes`)
    return more
  }

  return {
    read(chunk) {
      waiting.push(chunk)
      bytes += chunk.length
      if (!head && !readHead()) return undefined
      const { length } = head!
      if (length === 'chunked') return readChunks()
      within(length === 'until the end' ? bytes : length)
      if (length === 'until the end' || bytes < length) return undefined
      const all = joined()
      return whole(all.subarray(0, length), bytes - length)
    },
    end: () => (head?.length === 'until the end' ? whole(joined(), 0) : undefined),
  }
}

function headOf(text: string, method: string): Head {
  const lines = text.split('\r\n')
  const status = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(lines[0]!)
  if (!status) throw malformed('it does not begin as HTTP')
  const headers: Record<string, string> = {}
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    const colon = line.indexOf(':')
    if (colon <= 0) throw malformed('a header has no name')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]!}, ${value}` : value
  }
  const code = Number(status[2])
  const length = lengthOf(code, method, headers)
  const connection = headers.connection?.toLowerCase()
  const lasting = status[1] === '1' ? connection !== 'close' : connection === 'keep-alive'
  return { status: code, headers, lasting: lasting && length !== 'until the end', length }
}

/** RFC 9112, "Message Body Length". */
function lengthOf(status: number, method: string, headers: Readonly<Record<string, string>>): Head['length'] {
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return 0
  if (headers['transfer-encoding'] !== undefined) {
    if (headers['transfer-encoding'].toLowerCase() === 'chunked') return 'chunked'
    throw malformed('its transfer encoding is not known')
  }
  const length = headers['content-length']
  if (length === undefined) return 'until the end'
  if (!/^\d{1,15}$/.test(length)) throw malformed('its length is no number')
  return Number(length)
}

function chunkLength(line: string): number {
  const found = /^([0-9a-f]{1,8})\s*(?:;|$)/i.exec(line)
  if (!found) throw malformed('a chunk has no length')
  return Number.parseInt(found[1]!, 16)
}

function malformed(reason: string): Error {
  return coded('EPROTO', `the answer is no HTTP: ${reason}`)
}
