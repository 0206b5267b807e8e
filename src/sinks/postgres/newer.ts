/** The comparison of core/order.ts in SQL. Texts compare by bytes whatever the collation of their column is. Pure. */
import type { OrderKind } from '../../core/order.ts'
import { quote } from './identifiers.ts'
import type { PostgresOptions } from './options.ts'

/** SQL of each part of a row's position. */
export type PositionSql = Readonly<Record<keyof PostgresOptions['positionColumns'], string>>

/** Of a row of the sink's table, under the alias `row`. */
export function positionIn(row: string, { positionColumns }: Pick<PostgresOptions, 'positionColumns'>): PositionSql {
  const { src, epoch, offset, index, ts, version } = positionColumns
  const of = (name: string) => `${row}.${quote(name)}`
  return {
    src: `${of(src)} COLLATE "C"`,
    epoch: of(epoch),
    offset: of(offset),
    index: of(index),
    ts: of(ts),
    version: `${of(version)} COLLATE "C"`,
  }
}

/** isNewer(order, a, b). */
export function newer(order: OrderKind, a: PositionSql, b: PositionSql): string {
  const after = (...fields: (keyof PositionSql)[]) =>
    `(${fields.map((field) => a[field]).join(', ')}) > (${fields.map((field) => b[field]).join(', ')})`
  const within = {
    log: `CASE WHEN ${a.src} = ${b.src} THEN ${after('offset', 'index')} ELSE ${after('ts', 'src')} END`,
    timestamp: after('ts', 'src', 'offset', 'index'),
    version: after('version', 'ts', 'src', 'offset', 'index'),
  }[order]
  return `${a.epoch} > ${b.epoch} OR (${a.epoch} = ${b.epoch} AND ${within})`
}
