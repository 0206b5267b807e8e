/** BatchExecuteStatement: INSERTs, or UPDATEs, each with an outcome of its own. */
import { AwsFault } from '../../aws/fault.ts'
import { WeirError } from '../../core/errors.ts'
import type { Deadline } from '../../core/ports.ts'
import type { BatchOutcome, PlacedRow, RequestsOptions } from './requests.ts'
import { pauseFor, statementFault } from './retry.ts'

export type Verb = 'insert' | 'update'

interface StatementResult {
  readonly Error?: { readonly Code: string; readonly Message?: string }
}

export async function execute(
  verb: Verb,
  options: RequestsOptions,
  rows: readonly PlacedRow[],
  deadline: Deadline,
): Promise<BatchOutcome> {
  const outcome = { written: [] as PlacedRow[], failed: [] as PlacedRow[], suspects: [] as PlacedRow[] }
  let waiting = rows
  for (let attempt = 1; waiting.length > 0; attempt++) {
    const results = await send(verb, options, waiting, deadline)
    if (!results) return { ...outcome, suspects: [...outcome.suspects, ...waiting] }
    const throttled: PlacedRow[] = []
    let fault: AwsFault | undefined
    for (let i = 0; i < results.length; i++) {
      const row = waiting[i]!
      const error = results[i]!.Error
      const each = error && statementFault(error)
      if (!each) outcome.written.push(row)
      else if (each.kind === 'answer') outcome.failed.push(row)
      else if (each.kind === 'refused') outcome.suspects.push(row)
      else {
        throttled.push(row)
        fault = fault?.kind === 'misconfigured' ? fault : each
      }
    }
    if (fault && !fault.retryable) throw fault
    if (fault) await pauseFor(options, fault, throttled.length, attempt, deadline)
    waiting = throttled
  }
  return outcome
}

/** Undefined where the request as a whole was refused, as for one value that DynamoDB cannot read. */
async function send(
  verb: Verb,
  options: RequestsOptions,
  rows: readonly PlacedRow[],
  deadline: Deadline,
): Promise<readonly StatementResult[] | undefined> {
  const statement = verb === 'insert' ? insertOf : updateOf
  let statements = ''
  for (const placed of rows) statements += (statements === '' ? '' : ',') + statement(options, placed)
  try {
    const output = await options.dynamo.call<{ Responses: StatementResult[] }>(
      'BatchExecuteStatement',
      `{"Statements":[${statements}]}`,
      deadline,
    )
    requireAll(output.Responses.length, rows.length)
    return output.Responses
  } catch (error) {
    if (error instanceof AwsFault && error.kind === 'refused') return undefined
    throw error
  }
}

function insertOf({ guard }: RequestsOptions, { row, position }: PlacedRow): string {
  let text = `{"Statement":${row.shape.insert!},"Parameters":[`
  for (const value of row.values) text += `${value},`
  return `${text}${guard.list(position)}]}`
}

/** What a failing one met is not asked for: DynamoDB's ReturnValuesOnConditionCheckFailure says nothing in a batch. */
function updateOf({ guard }: RequestsOptions, { row, position }: PlacedRow): string {
  const { othersAt, keysAt } = row.shape
  const own = guard.values(position)
  let text = `{"Statement":${row.shape.update()!},"Parameters":[`
  for (const at of othersAt) text += `${row.values[at]!},`
  text += guard.list(position)
  for (const at of keysAt) text += `,${row.values[at]!}`
  for (const which of guard.partiql.parameters) text += `,${own[which]!}`
  return `${text}]}`
}

/** A row of which nothing was said must not pass for done (D1). */
function requireAll(told: number, sent: number): void {
  if (told === sent) return
  throw new WeirError('WEIR_REQUEST_FAILED', {
    service: 'dynamodb',
    operation: 'BatchExecuteStatement',
    status: 200,
    name: 'Incomplete',
    reason: `the answer tells of ${told} statements out of ${sent}`,
  })
}
