/**
 * PostgreSQL's wire protocol, version 3.0 ("Frontend/Backend Protocol", "Message Formats"): a byte of type (none before
 * StartupMessage and SSLRequest), an int32 length that counts itself, a body; text ends in NUL. Pure.
 */
const PROTOCOL = 196_608
const SSL_REQUEST = 80_877_103

/** What a statement's parameter may be. Bytes travel in binary, the rest as text that the server reads by its type. */
export type Parameter = string | number | bigint | boolean | null | undefined | Uint8Array | readonly ArrayElement[]
type ArrayElement = string | number | bigint | boolean | null

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  return bytes
}

const text = (value: string) => Buffer.from(`${value}\0`)

function message(type: string, ...body: readonly Buffer[]): Buffer {
  const bytes = body.reduce((sum, { length }) => sum + length, 4)
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(bytes), ...body], type.length + bytes)
}

export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  return message('', int32(PROTOCOL), ...Object.entries(parameters).flat().map(text), Buffer.alloc(1))
}

export const sslRequest = () => message('', int32(SSL_REQUEST))
export const password = (value: string) => message('p', text(value))

export function saslInitial(mechanism: string, data: string): Buffer {
  const bytes = Buffer.from(data)
  return message('p', text(mechanism), int32(bytes.length), bytes)
}

export const saslResponse = (data: string) => message('p', Buffer.from(data))
export const query = (sql: string) => message('Q', text(sql))
export const copyDone = () => message('c')
export const terminate = () => message('X')

/** The five bytes before a chunk of COPY data. */
export function copyHead(bytes: number): Buffer {
  return Buffer.concat([Buffer.from('d'), int32(bytes + 4)])
}

/** Parse: types are left to the server. */
export function parse(name: string, sql: string): Buffer {
  return message('P', text(name), text(sql), int16(0))
}

/** Bind (unnamed portal, results as text), Describe, Execute, Sync. */
export function run(name: string, values: readonly Parameter[]): Buffer {
  const wire = values.map(parameterOf)
  const count = int16(wire.length)
  const formats = wire.map((value) => int16(value instanceof Uint8Array ? 1 : 0))
  const parts = wire.flatMap((value) => {
    if (value === null) return [int32(-1)]
    const bytes =
      typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)
    return [int32(bytes.length), bytes]
  })
  return Buffer.concat([
    message('B', text(''), text(name), count, ...formats, count, ...parts, int16(0)),
    message('D', text('P')),
    message('E', text(''), int32(0)),
    message('S'),
  ])
}

function parameterOf(value: Parameter): string | Uint8Array | null {
  if (value === null || value === undefined) return null
  if (value instanceof Uint8Array) return value
  return typeof value === 'object' ? arrayText(value) : String(value)
}

/** "Array Input and Output Syntax": every text quoted, so that none is taken for NULL or a brace. */
function arrayText(elements: readonly ArrayElement[]): string {
  const texts = elements.map((each) => {
    if (each === null) return 'NULL'
    return typeof each === 'string' ? `"${each.replaceAll(/["\\]/g, String.raw`\$&`)}"` : String(each)
  })
  return `{${texts.join(',')}}`
}

/** Cuts what comes from the socket into messages. `body` is valid until the handler returns. */
export function createReader(handle: (type: string, body: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer | undefined
  return (chunk) => {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk
    let at = 0
    while (bytes.length - at >= 5) {
      const end = at + 1 + bytes.readInt32BE(at + 1)
      if (end > bytes.length) break
      handle(String.fromCharCode(bytes[at]!), bytes.subarray(at + 5, end))
      at = end
    }
    rest = at < bytes.length ? bytes.subarray(at) : undefined
  }
}

/** Text up to the NUL, and where the next thing begins. */
function textAt(body: Buffer, at: number): readonly [value: string, next: number] {
  const end = body.indexOf(0, at)
  return [body.toString('utf8', at, end), end + 1]
}

/** Every text of a body that is nothing else, as the names of SASL mechanisms. */
export function textsOf(body: Buffer): string[] {
  return body
    .toString('utf8')
    .split('\0')
    .filter((each) => each !== '')
}

export interface Field {
  readonly name: string
  readonly type: number
}

/** RowDescription. */
export function fieldsOf(body: Buffer): Field[] {
  const fields: Field[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const [name, next] = textAt(body, at)
    fields.push({ name, type: body.readInt32BE(next + 6) })
    at = next + 18
  }
  return fields
}

/** pg_type.dat. */
const BOOL = 16
const BYTEA = 17
const NUMBERS: ReadonlySet<number> = new Set([21, 23, 26, 700, 701])
const JSON_TYPES: ReadonlySet<number> = new Set([114, 3802])

/** bigint stays text: a double does not hold it. */
function valueOf(type: number, value: string): unknown {
  if (type === BOOL) return value === 't'
  if (NUMBERS.has(type)) return Number(value)
  if (JSON_TYPES.has(type)) return JSON.parse(value)
  return type === BYTEA ? Buffer.from(value.slice(2), 'hex') : value
}

/** DataRow. */
export function rowOf(body: Buffer, fields: readonly Field[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  let at = 2
  for (const { name, type } of fields) {
    const length = body.readInt32BE(at)
    at += 4
    row[name] = length < 0 ? null : valueOf(type, body.toString('utf8', at, at + length))
    at += Math.max(0, length)
  }
  return row
}

/** `COMMIT` of CommandComplete's text, `INSERT` of `INSERT 0 5`. */
export function commandOf(body: Buffer): string {
  return textAt(body, 0)[0].split(' ')[0]!
}

/**
 * ErrorResponse: message and SQLSTATE. Detail, hint and names are left out: they can quote a row (N5), and what an error prints
 * is all its fields.
 */
export function errorOf(body: Buffer): Error {
  let message = 'no message'
  let code: string | undefined
  let at = 0
  while (at < body.length && body[at] !== 0) {
    const kind = String.fromCharCode(body[at]!)
    const [value, next] = textAt(body, at + 1)
    if (kind === 'M') message = value
    if (kind === 'C') code = value
    at = next
  }
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}
