/**
 * Parquet, a door of its own: `s3({ format: parquet, columns: {...} })`. A pipeline that does not import it has nothing of it
 * in its bundle, and needs no hyparquet-writer.
 */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { messageOf } from '../../core/errors.ts'
import { GZIP_LEVEL, PARQUET_TYPE, ZSTD_LEVEL } from './codec.ts'
import type { Codec, Encoded } from './codec.ts'
import { parseColumnType } from './columns.ts'
import type { ColumnType } from './columns.ts'
import type { S3Options } from './options.ts'
import { converterOf, Fault } from './parquet-values.ts'
import type { Convert } from './parquet-values.ts'

/** Values of one row, in the order of the columns. */
type Values = readonly unknown[]

export interface ParquetFormat {
  readonly name: 'parquet'
  /** Loads nothing. */
  encode(options: S3Options): Codec<readonly Values[]>['encode']
  open(options: S3Options): Promise<Codec<readonly Values[]>>
}

/** A row group is what a reader may split a file by; an object has at most the rows of one event. */
const ROWS_IN_GROUP = 100_000
const CREATED_BY = 'weirhouse'

export const parquet: ParquetFormat = {
  name: 'parquet',
  encode: (options) => encoderOf(columnsOf(options)),
  open: async (options) => {
    const columns = columnsOf(options)
    const { ByteWriter, parquetWrite } = await import('hyparquet-writer')
    const schema = [{ name: 'root', num_children: columns.length }, ...columns.map(elementOf)]
    const codec = CODECS[options.compress]
    const object = (parts: readonly (readonly Values[])[]): Buffer => {
      const rows = parts.flat()
      const columnData = columns.map(({ name }, c) => ({ name, data: rows.map((values) => values[c]) }))
      const writer = new ByteWriter()
      // nothing asynchronous happens in a writer of bytes
      void parquetWrite({
        writer,
        schema,
        columnData,
        codec,
        compressors,
        rowGroupSize: ROWS_IN_GROUP,
        createdBy: CREATED_BY,
      })
      return Buffer.from(writer.getBuffer())
    }
    return {
      encode: encoderOf(columns),
      object: (parts) => Promise.resolve(object(parts)),
      contentType: PARQUET_TYPE,
    }
  },
}

const CODECS = { gzip: 'GZIP', zstd: 'ZSTD', snappy: 'SNAPPY', none: 'UNCOMPRESSED' } as const satisfies Record<
  S3Options['compress'],
  string
>
/** Snappy is the library's own. */
const compressors = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes, { level: GZIP_LEVEL }),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL } }),
}

interface Column {
  readonly name: string
  readonly type: ColumnType
  readonly convert: Convert
}

function columnsOf({ columns = {} }: S3Options): Column[] {
  return Object.entries(columns).map(([name, text]) => {
    const type = parseColumnType(text)!
    return { name, type, convert: converterOf(type) }
  })
}

const NO_ROWS: Encoded<readonly Values[]> = { part: [], rows: 0 }

function encoderOf(columns: readonly Column[]): Codec<readonly Values[]>['encode'] {
  return ({ rows }) => {
    if (rows.length === 0) return NO_ROWS
    const part: Values[] = []
    try {
      for (const row of rows) {
        const values = valuesOf(columns, row)
        if (values instanceof Fault) return { fault: values.why }
        part.push(values)
      }
    } catch (error) {
      return { fault: messageOf(error) } // a getter that throws
    }
    return { part, rows: rows.length }
  }
}

function valuesOf(columns: readonly Column[], row: unknown): Values | Fault {
  if (typeof row !== 'object' || row === null) return new Fault('the row is no object with the columns as its fields')
  const values = new Array<unknown>(columns.length)
  for (let c = 0; c < columns.length; c++) {
    const { name, convert } = columns[c]!
    const value = convert(Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined)
    if (value instanceof Fault) return new Fault(`column "${name}": ${value.why}`)
    values[c] = value
  }
  return values
}

type Element = Exclude<Parameters<typeof import('hyparquet-writer').parquetWrite>[0]['schema'], undefined>[number]

/**
 * Each type by its logical type, and by the older converted type where readers still look for that. JSON has none: given
 * one, the library would take the text for a value and make it JSON again.
 */
function elementOf({ name, type }: Column): Element {
  const { base, precision, scale } = type
  const common = { name, repetition_type: type.nullable ? 'OPTIONAL' : 'REQUIRED' } as const
  if (base === 'decimal') {
    const logical = { converted_type: 'DECIMAL', logical_type: { type: 'DECIMAL', precision, scale } } as const
    return { ...common, ...logical, precision, scale, ...decimalWidth(precision) }
  }
  return { ...common, ...elements[base] }
}

const elements: Readonly<Record<Exclude<ColumnType['base'], 'decimal'>, Omit<Element, 'name'>>> = {
  boolean: { type: 'BOOLEAN' },
  int32: { type: 'INT32' },
  int64: { type: 'INT64' },
  double: { type: 'DOUBLE' },
  string: { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } },
  json: { type: 'BYTE_ARRAY', logical_type: { type: 'JSON' } },
  binary: { type: 'BYTE_ARRAY' },
  uuid: { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
  date: { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } },
  timestamp: {
    type: 'INT64',
    converted_type: 'TIMESTAMP_MICROS',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
  },
}

/** Parquet format, "DECIMAL": int32 up to 9 digits, int64 up to 18, else as few bytes as hold them with their sign. */
function decimalWidth(precision: number): Pick<Element, 'type' | 'type_length'> {
  if (precision <= 9) return { type: 'INT32' }
  if (precision <= 18) return { type: 'INT64' }
  const greatest = 10n ** BigInt(precision)
  let bytes = 8
  while (2n ** BigInt(8 * bytes - 1) < greatest) bytes++
  return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: bytes }
}
