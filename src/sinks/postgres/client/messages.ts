/**
 * PostgreSQL's wire protocol, version 3.0 ("Frontend/Backend Protocol", "Message Formats"): a byte of type (none before
 * StartupMessage and SSLRequest), an int32 length that counts itself, a body; text ends in NUL. Pure.
 */
const PROTOCOL = 196_608
const SSL_REQUEST = 80_877_103

/** What a statement's parameter may be. Bytes travel in binary, the rest as text that the server reads by its type. */
export type Parameter = string | number | bigint | boolean | null | undefined | Uint8Array | readonly ArrayElement[]
type ArrayElement = string | number | bigint | boolean | null

/** A message under construction. */
interface Draft {
  readonly parts: Buffer[]
  bytes: number
}

const draft = (): Draft => ({ parts: [], bytes: 0 })

function add(to: Draft, part: Buffer): void {
  to.parts.push(part)
  to.bytes += part.length
}

function int32(to: Draft, value: number): void {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  add(to, bytes)
}

function int16(to: Draft, value: number): void {
  const bytes = Buffer.allocUnsafe(2)
  bytes.writeInt16BE(value)
  add(to, bytes)
}

const text = (to: Draft, value: string) => add(to, Buffer.from(`${value}\0`))

function message(type: string, body: Draft): Buffer {
  const head = Buffer.allocUnsafe(type.length + 4)
  head.write(type, 'latin1')
  head.writeInt32BE(body.bytes + 4, type.length)
  return Buffer.concat([head, ...body.parts], head.length + body.bytes)
}

function textMessage(type: string, ...values: readonly string[]): Buffer {
  const body = draft()
  for (const value of values) text(body, value)
  return message(type, body)
}

export function startup(parameters: Readonly<Record<string, string>>): Buffer {
  const body = draft()
  int32(body, PROTOCOL)
  for (const [name, value] of Object.entries(parameters)) {
    text(body, name)
    text(body, value)
  }
  add(body, Buffer.alloc(1))
  return message('', body)
}

export function sslRequest(): Buffer {
  const body = draft()
  int32(body, SSL_REQUEST)
  return message('', body)
}

export const password = (value: string) => textMessage('p', value)

export function saslInitial(mechanism: string, data: string): Buffer {
  const body = draft()
  text(body, mechanism)
  int32(body, Buffer.byteLength(data))
  add(body, Buffer.from(data))
  return message('p', body)
}

export function saslResponse(data: string): Buffer {
  const body = draft()
  add(body, Buffer.from(data))
  return message('p', body)
}

export const query = (sql: string) => textMessage('Q', sql)
export const copyDone = () => message('c', draft())
export const terminate = () => message('X', draft())

/** The five bytes before a chunk of COPY data. */
export function copyHead(bytes: number): Buffer {
  const head = Buffer.from('d\0\0\0\0', 'latin1')
  head.writeInt32BE(bytes + 4, 1)
  return head
}

/** Parse: types are left to the server. */
export function parse(name: string, sql: string): Buffer {
  const body = draft()
  text(body, name)
  text(body, sql)
  int16(body, 0)
  return message('P', body)
}

/** Bind (unnamed portal, results as text), Describe, Execute, Sync. */
export function run(name: string, values: readonly Parameter[]): Buffer {
  const wire = values.map(parameterOf)
  const bind = draft()
  text(bind, '')
  text(bind, name)
  int16(bind, wire.length)
  for (const value of wire) int16(bind, value instanceof Uint8Array ? 1 : 0)
  int16(bind, wire.length)
  for (const value of wire) {
    if (value === null) {
      int32(bind, -1)
      continue
    }
    const bytes =
      typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.length)
    int32(bind, bytes.length)
    add(bind, bytes)
  }
  int16(bind, 0)
  const execute = draft()
  text(execute, '')
  int32(execute, 0)
  return Buffer.concat([message('B', bind), textMessage('D', 'P'), message('E', execute), message('S', draft())])
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
