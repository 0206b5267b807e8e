import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import { Construct } from 'constructs'
import type { TableDescription } from '../aws/table.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { expiryAttribute, tableDescription } from '../sinks/dynamodb/index.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { requireKind, statementsOf } from './grants.ts'
import { metricOf } from './metric.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { refuse } from './refuse.ts'
import type { SinkBinding, SinkStore } from './sink-store.ts'
import { makeTable, tableAlarms, tableGraph } from './table.ts'
import { wordOf } from './word.ts'

export interface RecordTablesProps {
  /** Whose DynamoDB sinks get their tables. Sinks that name the same table share it, and must describe it alike. */
  readonly pipelines: readonly Pipeline[]
  /**
   * Whether the tables stay when their stack goes, and are protected from being deleted.
   * @default true
   */
  readonly keepData?: boolean
}

/**
 * A table for each that DynamoDB sinks name, with its indexes. CloudFormation makes or drops one index of a table in one
 * deployment.
 */
export class RecordTables extends Construct implements SinkStore, Observable {
  /** By the name in the definition; the table's own name is CloudFormation's. */
  readonly tables: ReadonlyMap<string, dynamodb.Table>
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]
  readonly #descriptions: ReadonlyMap<string, string>

  constructor(scope: Construct, id: string, { pipelines, keepData = true }: RecordTablesProps) {
    super(scope, id)
    const descriptions = descriptionsOf(pipelines)
    this.#descriptions = new Map([...descriptions].map(([name, each]) => [name, JSON.stringify(each)]))
    this.tables = new Map(
      [...descriptions].map(([name, each]) => [name, makeTable(this, wordOf(name), each, keepData, each.expires)]),
    )
    const watched = [...this.tables].map(([name, table]) => ({ table, word: wordOf(name), what: `table "${name}"` }))
    this.alarms = [
      ...watched.flatMap(tableAlarms),
      ...[...descriptions].flatMap(([name, each]) => indexAlarms(this.tables.get(name)!, each)),
    ]
    this.graphs = watched.map(tableGraph)
  }

  bind(pipeline: Pipeline, sink: SinkDefinition): SinkBinding {
    requireKind('RecordTables', 'dynamodb', pipeline, sink)
    const { table: name } = sink.options as DynamoDbOptions
    const table = this.tables.get(name)
    if (!table || this.#descriptions.get(name) !== JSON.stringify(described(pipeline, sink)))
      refuse({
        what: 'RecordTables.bind',
        got: `${pipeline.name}/${sink.id}`,
        why: `there is no table "${name}" with the keys, indexes and time to live of that sink`,
        instead: `have ${pipeline.name} among its pipelines`,
      })
    return {
      binding: { table: table.tableName },
      environment: {},
      statements: statementsOf(sink, { table: table.tableArn }),
      connections: [],
    }
  }
}

interface Described extends TableDescription {
  /** The attribute by which items expire. */
  readonly expires: string | undefined
}

function described(pipeline: Pipeline, sink: SinkDefinition): Described {
  const definition = sink as SinkDefinition<DynamoDbOptions>
  return { ...tableDescription(definition), expires: expiryAttribute(definition, pipeline) }
}

function descriptionsOf(pipelines: readonly Pipeline[]): Map<string, Described> {
  const found = new Map<string, Described>()
  for (const pipeline of pipelines)
    for (const sink of pipeline.sinks) {
      if (sink.kind !== 'dynamodb') continue
      const { name } = pipeline
      const description = described(pipeline, sink)
      const first = found.get(description.TableName)
      if (first && JSON.stringify(first) !== JSON.stringify(description))
        refuse({
          what: 'RecordTables.pipelines',
          got: `${name}/${sink.id}`,
          why: `another sink describes table "${description.TableName}" with other keys, indexes or time to live`,
          instead: 'give the two sinks tables of their own, or the same keys, indexes and time to live',
        })
      found.set(description.TableName, description)
    }
  return found
}

/** Throttled writes of an index hold up those of its table, and are counted apart. */
function indexAlarms(table: dynamodb.Table, { TableName, GlobalSecondaryIndexes = [] }: TableDescription): AlarmSpec[] {
  return GlobalSecondaryIndexes.map(({ IndexName }) => {
    const dimensions = { TableName: table.tableName, GlobalSecondaryIndexName: IndexName }
    return {
      id: `${wordOf(TableName)}${wordOf(IndexName)}WriteThrottles`,
      metric: metricOf('AWS/DynamoDB', 'WriteThrottleEvents', dimensions, 'Sum'),
      threshold: 1,
      periods: 3,
      text: `Index "${IndexName}" throttles the writes of table "${TableName}". Nothing is lost. See whether its partition key has too few values.`,
    }
  })
}
