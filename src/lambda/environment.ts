/** What an execution environment keeps between invocations: bindings, opened sinks, ledger, dead letters. */
import { BINDINGS_VARIABLE, bindingsShape } from '../core/bindings.ts'
import type { Bindings } from '../core/bindings.ts'
import type { DeadLetter } from '../core/dead-letter.ts'
import { known, WeirError } from '../core/errors.ts'
import { createFloodGate, FLOOD_KEEPER } from '../core/flood-gate.ts'
import type { FloodGate } from '../core/flood-gate.ts'
import { DELETE_MARGIN_DAYS } from '../core/limits.ts'
import type { OrderKind } from '../core/order.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { Deadline, Log } from '../core/ports.ts'
import type { Source } from '../core/record.ts'
import type { ReplayDesk } from '../core/replay.ts'
import { ledgerKey } from '../sinks/ledger.ts'
import type { LedgerStore } from '../sinks/ledger.ts'
import type { SinkContext, SinkDefinition, SinkWriter } from '../sinks/sink.ts'
import { readVariable } from './variable.ts'

/** Durable when it resolves; idempotent (Invocation.putDeadLetters of sinks/sink.ts). */
export type PutDeadLetters = (letters: readonly DeadLetter[], deadline: Deadline) => Promise<void>

/** How the stores beside the sinks are opened. No request is made before their first use. */
export interface Openers {
  readonly openLedger: (binding: Bindings['ledger']) => LedgerStore
  readonly openDeadLetters: (binding: Bindings['deadLetters']) => { readonly put: PutDeadLetters } & ReplayDesk
}

export interface ExecutionEnvironment {
  /** Opens what is not open yet, all sinks at once, and waits until the deadline at most. A sink that cannot be opened is its error. */
  writers(deadline: Deadline): Promise<ReadonlyMap<string, SinkWriter | WeirError>>
  readonly putDeadLetters: PutDeadLetters
  readonly floodGate: FloodGate | undefined
  readonly replays: ReplayDesk
}

/** Reads the bindings. Throws WEIR_BINDING_MISSING, WEIR_DEFINITION_INVALID. */
export function readBindings(variables: NodeJS.ProcessEnv): Bindings {
  return readVariable(variables, BINDINGS_VARIABLE, bindingsShape)
}

/** @param log outlives the invocation: sinks keep it. */
export function createEnvironment(
  pipeline: Pipeline,
  bindings: Bindings,
  openers: Openers,
  log: Log,
): ExecutionEnvironment {
  const ledger = openers.openLedger(bindings.ledger)
  const deadLetters = openers.openDeadLetters(bindings.deadLetters)
  const order = orderKind(pipeline)
  const opening = new Map<string, Promise<SinkWriter>>()

  const open = async (sink: SinkDefinition): Promise<SinkWriter> => {
    const binding = bindings.sinks[sink.id]
    if (!binding)
      throw new WeirError('WEIR_BINDING_MISSING', {
        what: `binding of sink "${sink.id}"`,
        variable: BINDINGS_VARIABLE,
      })
    return sink.open({ pipeline: pipeline.name, order, ...deletesOf(pipeline), binding, ledger, log })
  }
  const opened = (sink: SinkDefinition): Promise<SinkWriter> => {
    const known = opening.get(sink.id)
    if (known) return known
    const writer = open(sink)
    opening.set(sink.id, writer)
    // A failed open is tried again by the next invocation; its reason goes to whoever waits below.
    writer.catch(() => opening.delete(sink.id))
    return writer
  }
  return {
    writers: async (deadline) =>
      new Map(
        await Promise.all(
          pipeline.sinks.map(async (sink) => [sink.id, await inTime(opened(sink), sink, deadline)] as const),
        ),
      ),
    putDeadLetters: (letters, deadline) => deadLetters.put(letters, deadline),
    floodGate: floodGateOf(pipeline, ledger),
    replays: deadLetters,
  }
}

function floodGateOf({ name, maxPoisonShare }: Pipeline, ledger: LedgerStore): FloodGate | undefined {
  if (maxPoisonShare === false) return undefined
  const keyOf = (source: Source) => ledgerKey(name, FLOOD_KEEPER, source)
  return createFloodGate({ pipeline: name, share: maxPoisonShare, ledger, keyOf })
}

/** The writer, or why there is none. One still opening at the deadline stays so: the next invocation finds it open. */
async function inTime(
  writer: Promise<SinkWriter>,
  sink: SinkDefinition,
  deadline: Deadline,
): Promise<SinkWriter | WeirError> {
  const late = Promise.withResolvers<WeirError>()
  const expire = () => late.resolve(new WeirError('WEIR_DEADLINE', { what: `opening sink "${sink.id}"` }))
  if (deadline.signal.aborted) expire()
  deadline.signal.addEventListener('abort', expire, { once: true })
  try {
    return await Promise.race([writer, late.promise])
  } catch (error) {
    return known(error)
  } finally {
    deadline.signal.removeEventListener('abort', expire)
  }
}

const DAY_MS = 24 * 60 * 60 * 1000

function deletesOf({ tombstone, source: { retentionDays } }: Pipeline): Pick<SinkContext, 'deletes'> {
  if (tombstone !== 'delete') return {}
  return {
    deletes: retentionDays === undefined ? {} : { keepMs: (retentionDays + DELETE_MARGIN_DAYS) * DAY_MS },
  }
}

function orderKind({ order }: Pipeline): OrderKind {
  return typeof order === 'function' ? 'version' : order
}
