/** The plan of a pipeline, for a person. */
import type { Weakening } from '../../operations/guarantee.ts'
import type { PipelinePlan, SinkPlan } from '../../operations/plan.ts'
import { table } from '../table.ts'
import { counted, heading, indented, pairs, section, spaced, wrapped } from './layout.ts'

const STORES = { s3: 'S3', postgres: 'PostgreSQL', dynamodb: 'DynamoDB', memory: 'memory', custom: 'custom' } as const
/** Of the columns of the guarantee: with the others they make up 100. */
const ONCE_COLUMN = 42
const WEAKER_COLUMN = 28

export function pipelineText(plan: PipelinePlan): string {
  const stored = plan.sinks.map((sink) => [sink.id, storeText(sink)] as const)
  return spaced(
    heading(`Pipeline ${plan.name}`),
    pairs(definitionRows(plan), 2),
    section(`Guarantee: ${plan.sinks[0]!.text}`, guaranteeTable(plan.sinks)),
    weakeningText(plan),
    section('Stores', pairs(stored)),
    ...plan.sinks.map(ddlText),
  )
}

function definitionRows({ topic, batch, function: made, order, tombstone }: PipelinePlan): [string, string][] {
  const { records, windowSeconds } = batch
  const window = windowSeconds === 0 ? 'what is there at once' : `what ${windowSeconds} s bring`
  const orders = { log: 'the log', timestamp: 'timestamp', version: "the rows' own version" }
  const tombstones = {
    ignore: 'are ignored',
    keep: 'go to the transform',
    delete: 'delete the row of their key',
    'dead-letter': 'become dead letters',
  }
  return [
    [
      'topic',
      `${topic.name}: ${counted(topic.partitions, 'partition')}, ${counted(topic.replication, 'replica')} of each`,
    ],
    ['batch', `${counted(records, 'record')} at most, or ${window}`],
    ['function', `${made.memoryMb} MB of memory, ${made.timeoutSeconds} s at most`],
    ['order', `newest by ${orders[order]}`],
    ['tombstones', tombstones[tombstone]],
  ]
}

function guaranteeTable(sinks: readonly SinkPlan[]): string {
  return table(
    ['sink', 'store', 'what once means there', 'weaker by'],
    sinks.map(({ id, store, once, weakenings }) => [
      id,
      STORES[store.kind],
      once,
      weakenings.map((each) => each.id).join(', ') || null,
    ]),
    { 'what once means there': ONCE_COLUMN, 'weaker by': WEAKER_COLUMN },
  )
}

function weakeningText({ everySink, sinks }: PipelinePlan): string {
  const found = new Map<string, { readonly weakening: Weakening; readonly where: string[] }>()
  for (const { id, weakenings } of sinks)
    for (const weakening of weakenings) {
      const entry = found.get(weakening.id) ?? { weakening, where: [] }
      entry.where.push(id)
      found.set(weakening.id, entry)
    }
  const all = [
    ...everySink.map((weakening) => ({ weakening, where: ['every sink'] })),
    ...[...found.values()].map(({ weakening, where }) => ({ weakening, where })),
  ]
  return section(
    'Weaker where',
    ...all.map(({ weakening: { id, promise, text, lift }, where }) => {
      const label = `${id}${promise === undefined ? '' : ` (${promise})`}, in ${where.join(', ')}`
      return [label, wrapped(text, 2), ...(lift === null ? [] : [wrapped(`Lifted by ${lift}.`, 2)])].join('\n')
    }),
  )
}

function storeText({ store }: SinkPlan): string {
  if (store.kind === 'memory') return 'nothing that lasts'
  if (store.kind === 'custom') return store.about ?? 'a store that it says nothing of'
  if (store.kind === 's3') return `objects ${store.keyPattern} such as ${store.exampleKey}`
  if (store.kind === 'postgres')
    return `table ${store.table}, ${store.key ? `key ${store.key.join(', ')}` : 'without a key: rows are appended'}`
  const indexes = Object.entries(store.indexes).map(([name, key]) => `index ${name}: ${keyText(key)}`)
  return [`table ${store.table}, ${keyText(store)}`, ...indexes].join('; ')
}

function keyText({
  partitionKey,
  sortKey,
}: Pick<Extract<SinkPlan['store'], { kind: 'dynamodb' }>, 'partitionKey' | 'sortKey'>) {
  const of = (key: { readonly name: string; readonly type: string }) => `${key.name} (${key.type})`
  return `partition key ${of(partitionKey)}${sortKey ? `, sort key ${of(sortKey)}` : ''}`
}

/** Statements of Weirhouse's own tables: the same in every database. User tables are quoted. */
const OWN = /^CREATE (?:SCHEMA|TABLE) IF NOT EXISTS weirhouse\b/

function ddlText({ id, store }: SinkPlan): string {
  if (store.kind !== 'postgres') return ''
  const own = store.ddl.filter((statement) => !OWN.test(statement) && !statement.startsWith('ALTER TABLE'))
  return section(
    `DDL of ${id} (with Weirhouse's own tables and columns gained later: --json)`,
    indented(own.map((statement) => `${statement};`).join('\n'), 2),
  )
}
