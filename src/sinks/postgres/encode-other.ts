/** real, uuid, bytea. Pure. Only where a column is of these. */
import { putBytes, reserve } from './arena.ts'
import type { Arena } from './arena.ts'
import { expected } from './expected.ts'

export function encodeReal(out: Arena, value: unknown): string | undefined {
  if (typeof value !== 'number') return expected('a number', value)
  if (Number.isFinite(value) && !Number.isFinite(Math.fround(value))) return 'out of the range of real'
  reserve(out, 8)
  out.at = out.buffer.writeFloatBE(value, out.buffer.writeInt32BE(4, out.at))
  return undefined
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

export function encodeUuid(out: Arena, value: unknown): string | undefined {
  if (typeof value !== 'string' || !UUID.test(value))
    return 'expected text such as 8f9c4c3e-0000-4000-8000-0242ac120002'
  putBytes(out, Buffer.from(value.replaceAll('-', ''), 'hex'))
  return undefined
}

export function encodeBytes(out: Arena, value: unknown): string | undefined {
  if (!(value instanceof Uint8Array)) return expected('bytes (a Buffer or Uint8Array)', value)
  putBytes(out, value)
  return undefined
}
