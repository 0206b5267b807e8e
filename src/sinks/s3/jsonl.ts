/** JSON Lines. */
import { messageOf } from '../../core/errors.ts'
import type { SinkRecord } from '../sink.ts'
import { compressed, contentTypeOf } from './codec.ts'
import type { Codec, Encoded } from './codec.ts'
import { inexactJson } from './exact.ts'
import type { S3Options } from './options.ts'

const NO_ROWS: Encoded<string> = { part: '', rows: 0 }

export function jsonl(compress: S3Options['compress']): Codec<string> {
  return {
    encode: encodeRecord,
    object: (lines) => compressed(Buffer.from(lines.join('')), compress),
    contentType: contentTypeOf(compress, 'application/x-ndjson'),
  }
}

/** The lines of one record, each ended by a newline; one row that JSON cannot hold refuses them all (D6). */
export function encodeRecord({ rows }: Pick<SinkRecord, 'rows'>): Encoded<string> {
  if (rows.length === 0) return NO_ROWS
  let lines = ''
  try {
    for (const row of rows) {
      const fault = inexactJson(row)
      if (fault !== undefined) return { fault: `JSON does not hold ${fault}` }
      lines += `${JSON.stringify(row)}\n`
    }
  } catch (error) {
    return { fault: messageOf(error) } // a getter or toJSON that throws, or a row beyond the longest string
  }
  return { part: lines, rows: rows.length }
}
