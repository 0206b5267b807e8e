import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { ledgerTable } from '../sinks/ledger-dynamodb.ts'
import { FLOOD_KEEPER } from '../core/flood-gate.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { makeTable, tableAlarms, tableGraph } from './table.ts'

export interface LedgerTableProps {
  /**
   * Whether the table stays when its stack goes, and is protected from being deleted. It says how far each sink has come: keep
   * it as long as the stores.
   * @default true
   */
  readonly keepData?: boolean
}

/** The ledger of every pipeline (docs/delivery.md): what S3 and DynamoDB sinks know of their own progress. */
export class LedgerTable extends Construct implements Observable {
  readonly table: dynamodb.Table
  readonly alarms: readonly AlarmSpec[]
  readonly graphs: readonly GraphSpec[]

  constructor(scope: Construct, id: string, { keepData = true }: LedgerTableProps = {}) {
    super(scope, id)
    this.table = makeTable(this, 'Table', ledgerTable('ledger'), keepData)
    const watched = { table: this.table, word: 'Ledger', what: 'ledger' }
    this.alarms = tableAlarms(watched)
    this.graphs = [tableGraph(watched)]
  }

  /** This part of WEIRHOUSE_BINDINGS. */
  get binding(): Readonly<Record<'table', string>> {
    return { table: this.table.tableName }
  }

  /** What the sink asks of the ledger, for its own items and no other's: their keys begin with pipeline and sink. */
  statements(pipeline: Pipeline, sink: SinkDefinition): iam.PolicyStatement[] {
    const actions = sink.grants.filter(({ on }) => on === 'ledger').flatMap((grant) => grant.actions)
    if (actions.length === 0) return []
    return [this.#own(pipeline, sink.id, actions)]
  }

  /** Where the recent poison of a pipeline stands (docs/delivery.md, D7). */
  poisonStatements(pipeline: Pipeline): iam.PolicyStatement[] {
    if (pipeline.maxPoisonShare === false) return []
    return [this.#own(pipeline, FLOOD_KEEPER, ['dynamodb:GetItem', 'dynamodb:PutItem'])]
  }

  #own(pipeline: Pipeline, keeper: string, actions: string[]): iam.PolicyStatement {
    return new iam.PolicyStatement({
      actions,
      resources: [this.table.tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [`${pipeline.name}#${keeper}#*`] } },
    })
  }
}
