/** Column types of a Parquet object, as the sink's options name them. */

export type BaseType =
  | 'boolean'
  | 'int32'
  | 'int64'
  | 'double'
  | 'decimal'
  | 'string'
  | 'json'
  | 'binary'
  | 'uuid'
  | 'date'
  | 'timestamp'

export interface ColumnType {
  readonly base: BaseType
  readonly nullable: boolean
  /** Of a decimal: digits in all, and after the point. */
  readonly precision: number
  readonly scale: number
}

/** Parquet's DECIMAL and every reader of it: 38 digits. */
const MAX_PRECISION = 38

export const knownColumnTypes =
  'boolean, int32, int64, double, decimal(p,s), string, json, binary, uuid, date, timestamp, each with " not null" or without'

const TYPE =
  /^(boolean|int32|int64|double|string|json|binary|uuid|date|timestamp|decimal\((\d{1,2}), ?(\d{1,2})\))( not null)?$/

/** Undefined where there is no such type. */
export function parseColumnType(text: string): ColumnType | undefined {
  const match = TYPE.exec(text)
  if (!match) return undefined
  const [, name, precision = '0', scale = '0', required] = match
  const type = {
    base: name!.replace(/\(.*/, '') as BaseType,
    nullable: required === undefined,
    precision: Number(precision),
    scale: Number(scale),
  }
  if (type.base !== 'decimal') return type
  return type.precision >= 1 && type.precision <= MAX_PRECISION && type.scale <= type.precision ? type : undefined
}
