/**
 * The operations function: verbs that need the VPC's inside, on AWS. It has the definitions bundled; an event names a verb and
 * nothing that is run (docs/decisions/0011-first-tables-on-aws.md).
 */
import { AwsFault } from '../aws/fault.ts'
import { readSecret } from '../aws/secrets.ts'
import { WeirError } from '../core/errors.ts'
import { OPERATION_VERBS, operationEvent, OPERATIONS_VARIABLE, operationsShape } from '../core/operations.ts'
import type { OperationAnswer, OperationsPlaces } from '../core/operations.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Deadline } from '../core/ports.ts'
import { parseShape } from '../core/shape.ts'
import { createDeadline } from '../lambda/deadline.ts'
import { failureOf } from '../lambda/failure.ts'
import type { LambdaContext } from '../lambda/handler.ts'
import { createLog, LOG_LEVEL_VARIABLE } from '../lambda/log.ts'
import { readVariable } from '../lambda/variable.ts'
import type { Login } from '../sinks/postgres/migrate.ts'
import { migrate, postgresSinks } from './migrate.ts'
import type { Migration } from './migrate.ts'

export type OperationsHandler = (event: unknown, context: LambdaContext) => Promise<OperationAnswer>

/** What the function takes from its surroundings. */
interface Surroundings {
  readonly variables: NodeJS.ProcessEnv
  readonly write: (line: string) => void
  readonly now: () => number
}

/**
 * The operations of these pipelines as a Lambda handler: `export const handler = createOperations([orders, quakes])`. Event:
 * `{"verb": "migrate", "dryRun": false}`. The error it throws has the code of docs/errors.md as its name.
 * @param overrides for tests: variables, output, clock.
 */
export function createOperations(
  pipelines: readonly Pipeline[],
  overrides: Partial<Surroundings> = {},
): OperationsHandler {
  const { variables, write, now }: Surroundings = {
    variables: process.env,
    write: (line) => void process.stdout.write(line),
    now: Date.now,
    ...overrides,
  }
  return async (event, context) => {
    const log = createLog({ write, requestId: context.awsRequestId, level: variables[LOG_LEVEL_VARIABLE], now })
    const deadline = createDeadline(() => context.getRemainingTimeInMillis())
    const start = now()
    try {
      const { verb, dryRun } = readEvent(event)
      const migration = await migrateAll({ pipelines, variables, dryRun, deadline })
      // How many, not which: the answer has them, and logs are kept.
      const counts = { statements: migration.statements.length, applied: migration.applied }
      log('INFO', 'operation done', { verb, dryRun, ...counts, milliseconds: now() - start })
      return { verb, statements: [...migration.statements], applied: migration.applied }
    } catch (error) {
      throw failureOf(error, log, { pipelines: pipelines.map(({ name }) => name) })
    } finally {
      deadline.close()
    }
  }
}

/** Throws WEIR_UNKNOWN, WEIR_USAGE. */
function readEvent(event: unknown) {
  const { verb } = (event ?? {}) as { readonly verb?: unknown }
  if (typeof verb === 'string' && !OPERATION_VERBS.some((each) => each === verb))
    throw new WeirError('WEIR_UNKNOWN', { what: 'verb', name: verb.slice(0, 40), known: OPERATION_VERBS.join(', ') })
  try {
    return parseShape(operationEvent, event, 'The event')
  } catch (error) {
    if (!(error instanceof WeirError)) throw error
    const advice = 'Send {"verb": "migrate"}, with "dryRun": true to be told alone.'
    throw new WeirError('WEIR_USAGE', { reason: error.message.replace(/\.$/, ''), advice }, { cause: error })
  }
}

interface Work {
  readonly pipelines: readonly Pipeline[]
  readonly variables: NodeJS.ProcessEnv
  readonly dryRun: boolean
  readonly deadline: Deadline
}

async function migrateAll(work: Work): Promise<Migration> {
  const { pipelines, variables, deadline } = work
  if (postgresSinks(pipelines, true).length === 0) return { statements: [], applied: false }
  const { postgres } = readVariable(variables, OPERATIONS_VARIABLE, operationsShape)
  if (!postgres) throw new WeirError('WEIR_BINDING_MISSING', { what: '"postgres"', variable: OPERATIONS_VARIABLE })
  const login = await readLogin(postgres, deadline, variables)
  try {
    return await migrateWith(work, login)
  } catch (error) {
    if (!(error instanceof WeirError && error.details.loginRefused === true)) throw error
    // RDS changes the password every so often, and may have done so since it was read.
    const again = await readLogin(postgres, deadline, variables)
    if (again.user === login.user && again.password === login.password) throw error
    return migrateWith(work, again)
  }
}

function migrateWith({ pipelines, dryRun, deadline }: Work, login: Login): Promise<Migration> {
  return migrate({ pipelines, login, roles: true, dryRun, deadline })
}

type Place = NonNullable<OperationsPlaces['postgres']>

/** Throws WEIR_MIGRATION_FAILED, WEIR_CREDENTIALS, WEIR_DEADLINE. Nothing of the secret shows in an error. */
async function readLogin(place: Place, deadline: Deadline, variables: NodeJS.ProcessEnv): Promise<Login> {
  const { host, port, database, secretArn } = place
  const fail = (reason: string, advice: string, cause?: unknown) =>
    new WeirError('WEIR_MIGRATION_FAILED', { database, host, reason, advice }, { cause })
  let text
  try {
    text = await readSecret(secretArn, deadline, variables)
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error
    const { service, operation, name, message, advice } = error
    const reach = 'See that the function reaches AWS Secrets Manager: by NAT, or by an endpoint in its VPC.'
    throw fail(`${service} ${operation}: ${name}: ${message}`, advice ?? reach, error)
  }
  const { username: user, password } = parsed(text)
  if (typeof user !== 'string' || typeof password !== 'string')
    throw fail(
      `secret ${secretArn} does not hold {"username": ..., "password": ...}`,
      'Name the secret that RDS manages for the instance.',
    )
  return { host, port, database, user, password }
}

function parsed(text: string | undefined): { readonly username?: unknown; readonly password?: unknown } {
  try {
    return (JSON.parse(text ?? '{}') as object | null) ?? {}
  } catch {
    // The parser's message would quote the secret: what it lacks is told instead.
    return {}
  }
}
