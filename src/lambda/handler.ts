/**
 * A pipeline as a Lambda function. It throws unless all is durable (docs/delivery.md, D1): a Kafka event source mapping
 * takes any answer for success, and sends the batch again after an error.
 */
import { deliver } from '../core/deliver.ts'
import { NAMESPACE_VARIABLE } from '../core/metrics.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Deadline, Log } from '../core/ports.ts'
import { createDeadline } from './deadline.ts'
import { createEnvironment, readBindings } from './environment.ts'
import type { ExecutionEnvironment, Openers } from './environment.ts'
import { failureOf } from './failure.ts'
import { createLog, LOG_LEVEL_VARIABLE } from './log.ts'
import type { Write } from './log.ts'
import { failureMetrics, metricsOf, summaryOf } from './telemetry.ts'
import type { Stamp } from './telemetry.ts'

/** The part of Lambda's context object that is used. */
export interface LambdaContext {
  readonly awsRequestId: string
  getRemainingTimeInMillis(): number
}

export type LambdaHandler = (event: unknown, context: LambdaContext) => Promise<void>

/** What the function takes from its surroundings. */
export interface Surroundings extends Openers {
  readonly variables: NodeJS.ProcessEnv
  readonly write: Write
  readonly now: () => number
}

/**
 * The handler of a pipeline. Sinks are opened by the first invocation and kept. The error it throws has the code from
 * the error table as its name, which Lambda reports as `errorType`.
 */
export function handlerOf(pipeline: Pipeline, around: Surroundings): LambdaHandler {
  let kept: ExecutionEnvironment | undefined
  let cold = true
  return async (event, context) => {
    const log = logOf(around, context.awsRequestId)
    const deadline = createDeadline(() => context.getRemainingTimeInMillis())
    const wasCold = cold
    cold = false
    try {
      kept ??= createEnvironment(pipeline, readBindings(around.variables), around, logOf(around, 'environment'))
      await run({ pipeline, event, context, deadline, log, environment: kept, around, cold: wasCold })
    } catch (error) {
      throw failureOf(error, log, { pipeline: pipeline.name })
    } finally {
      deadline.close()
    }
  }
}

function logOf({ write, variables, now }: Surroundings, requestId: string): Log {
  return createLog({ write, requestId, level: variables[LOG_LEVEL_VARIABLE], now })
}

interface Run {
  readonly pipeline: Pipeline
  readonly event: unknown
  readonly context: LambdaContext
  readonly deadline: Deadline
  readonly log: Log
  readonly environment: ExecutionEnvironment
  readonly around: Surroundings
  readonly cold: boolean
}

async function run({ pipeline, event, context, deadline, log, environment, around, cold }: Run): Promise<void> {
  const start = around.now()
  const emit = (document: unknown) => around.write(`${JSON.stringify(document)}\n`)
  let report
  try {
    report = await deliver({
      pipeline,
      event,
      writers: await environment.writers(deadline),
      requestId: context.awsRequestId,
      deadline,
      log,
      putDeadLetters: (letters) => environment.putDeadLetters(letters, deadline),
      clock: { now: around.now },
      floodGate: environment.floodGate,
      replays: environment.replays,
    })
  } catch (error) {
    emit(failureMetrics(pipeline.name, error, stampOf(around)))
    throw error
  }
  const facts = { pipeline: pipeline.name, report, milliseconds: around.now() - start, cold }
  log('INFO', report.failure ? 'batch not delivered' : 'batch delivered', summaryOf(facts))
  for (const document of metricsOf(facts, stampOf(around))) emit(document)
  if (report.failure) throw report.failure
}

function stampOf({ now, variables }: Surroundings): Stamp {
  return { timestamp: now(), namespace: variables[NAMESPACE_VARIABLE] || undefined }
}
