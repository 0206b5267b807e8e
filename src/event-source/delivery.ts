/** One event to the function, again and again until it is taken (E14, E15). */
import type { Clock, Log, Random } from '../core/ports.ts'
import type { Counters } from './counters.ts'
import { outcomeOf, outcomeOfFailedCall, pauseMs, type Outcome } from './failures.ts'
import type { Invoke } from './invoker.ts'

export interface DeliveryOptions {
  readonly functionName: string
  readonly invoke: Invoke
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly counters: Counters
  /** Told after each invocation: "OK" or "PROBLEM: ...". */
  readonly report: (lastProcessingResult: string) => void
}

export interface Delivery {
  readonly payload: Buffer
  readonly records: number
  /** For log lines: `{"demo-0": [first, last]}`. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>
  /** Aborts: no further try; an invocation under way is waited for, because its partitions stay held (E10). */
  readonly abandon: AbortSignal
  /** Aborts: do not wait any longer. */
  readonly kill: AbortSignal
}

/** The whole batch, byte for byte the same each time. True once the function took it, false when abandoned first. */
export async function deliver(delivery: Delivery, options: DeliveryOptions): Promise<boolean> {
  const { clock, random, log, counters, report, functionName } = options
  const { records, ranges, abandon } = delivery
  for (let tries = 1; !abandon.aborted; tries++) {
    const outcome = await invokeOnce(delivery, options)
    counters.InvokedEventCount += records
    if (outcome.kind === 'succeeded') {
      report('OK')
      return true
    }
    counters.FailedInvokeEventCount += records
    counters.InvokeErrorCount++
    report(problem(outcome))
    const pause = pauseMs(tries, random)
    log('WARN', 'Invocation failed, the batch is sent again', { functionName, ...outcome, tries, pause, ranges })
    await interruptible(clock.sleep(pause, abandon), abandon)
  }
  return false
}

async function invokeOnce({ payload, kill }: Delivery, { invoke, functionName }: DeliveryOptions): Promise<Outcome> {
  try {
    return outcomeOf(await invoke(functionName, payload, kill))
  } catch (error) {
    return outcomeOfFailedCall(error)
  }
}

/** AWS: "PROBLEM: Function call failed"; the other words are ours. */
function problem({ kind }: Outcome): string {
  if (kind === 'throttled') return 'PROBLEM: Function throttled'
  return kind === 'function-error' ? 'PROBLEM: Function call failed' : 'PROBLEM: Function could not be invoked'
}

/** A sleep that ends early when its signal aborts, instead of rejecting. */
export async function interruptible(sleep: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await sleep
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
