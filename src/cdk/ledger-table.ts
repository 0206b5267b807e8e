import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb'
import * as iam from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import type { Pipeline } from '../core/pipeline.ts'
import { ledgerTable } from '../sinks/ledger-dynamodb.ts'
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
    const own = { 'dynamodb:LeadingKeys': [`${pipeline.name}#${sink.id}#*`] }
    return [
      new iam.PolicyStatement({
        actions,
        resources: [this.table.tableArn],
        conditions: { 'ForAllValues:StringLike': own },
      }),
    ]
  }
}
