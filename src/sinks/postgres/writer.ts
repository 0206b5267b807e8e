/** The writer: one connection an environment, attempts bounded, faults told apart (D8, D10, D11, N3). */
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, WeirError } from '../../core/errors.ts'
import { MIN_REQUEST_MS } from '../../core/limits.ts'
import type { Deadline, Random } from '../../core/ports.ts'
import { requireTime } from '../../core/time-left.ts'
import type { Invocation, PreparedBatch, SinkContext, SinkReport, SinkWriter } from '../sink.ts'
import { batchEncoder } from './batch.ts'
import type { EncodedBatch } from './batch.ts'
import { checkLive, keyIndex } from './check.ts'
import { faultOf, keepsConnection, tellable } from './faults.ts'
import { systemPorts } from './iam-token.ts'
import type { TokenPorts } from './iam-token.ts'
import { layoutOf } from './layout.ts'
import type { PostgresOptions } from './options.ts'
import { exportOutbox } from './outbox.ts'
import { openSession, parseBinding } from './session.ts'
import type { Binding, Session } from './session.ts'
import { statementsOf } from './sql.ts'
import { afterDisappointment, afterUpsert, isTrusting, trusting } from './straight.ts'
import type { Trust } from './straight.ts'
import { reportOf, transact } from './transaction.ts'
import type { Course, Sink } from './transaction.ts'

/** Tries of one transaction in one invocation; after that the mapping sends the batch again. */
const MAX_ATTEMPTS = 5
/** Full jitter: a wait between 0 and 50 ms, 100 ms, ... 2 s. */
const FIRST_WAIT_MS = 50
const MAX_WAIT_MS = 2_000
/** Measured (bench/postgres-sink.ts): up to here an upsert in one statement with arrays is as fast as one by COPY through a stage. */
const SMALL_ROWS = 2_000

/** A key that is there; a table that COPY does not fill (row-level security); another writer's keys met in another order. */
const COLLISIONS: ReadonlySet<string> = new Set(['23505', '0A000', '40P01'])

/** How rows travel; what is measured and tested apart. */
export interface WriterTuning {
  /** Upserts of up to this many rows are one statement with arrays, more go by COPY through a stage. */
  readonly smallRows?: number
  /** Keys that seem to be new go straight into the table. */
  readonly straight?: boolean
}

/** What a test may put in place of server, clock and chance. */
export interface WriterPorts extends TokenPorts {
  readonly connect: (binding: Binding, name: string, deadline: Deadline, ports: TokenPorts) => Promise<Session>
  readonly sleep: (ms: number) => Promise<void>
  readonly random: Random
}

const ownPorts: WriterPorts = { ...systemPorts, connect: openSession, sleep, random: Math.random }

interface Writer {
  readonly options: PostgresOptions
  readonly context: SinkContext
  readonly binding: Binding
  readonly ports: WriterPorts
  readonly sink: Sink
  session: Session | undefined
  /** Undefined: rows never go straight into the table. */
  trust: Trust | undefined
  /** The live table was compared with the definition. */
  checked: boolean
  /** The outbox may hold letters; so it is taken to be at a cold start. */
  letters: boolean
}

/** Opens the writer. No I/O: the connection is made by the first write, within its deadline. Throws WEIR_DEFINITION_INVALID on a wrong binding. */
export function openWriter(
  options: PostgresOptions,
  context: SinkContext,
  { smallRows = SMALL_ROWS, straight = true }: WriterTuning = {},
  ports: Partial<WriterPorts> = {},
): SinkWriter {
  const { pipeline, order } = context
  const deletes = options.key ? context.deletes : undefined
  const encode = batchEncoder(options, order, deletes !== undefined)
  const writer: Writer = {
    options,
    context,
    binding: parseBinding(context.binding, options.id),
    ports: { ...ownPorts, ...ports },
    sink: {
      pipeline,
      sink: options.id,
      table: `${options.schema}.${options.table}`,
      order,
      layout: layoutOf(options, order, deletes !== undefined),
      statements: statementsOf(options, order, deletes && { pipeline, sink: options.id }),
      deletes,
      smallRows,
      known: new Set(),
      keyIndex: undefined,
    },
    session: undefined,
    trust: straight && options.key && !deletes ? trusting : undefined,
    checked: false,
    letters: true,
  }
  return {
    prepare: (ranges): PreparedBatch => {
      const batch = encode(ranges)
      return { refusals: batch.refusals, write: (invocation) => write(writer, batch, invocation) }
    },
    close: async () => {
      const { session } = writer
      writer.session = undefined
      if (session?.usable()) await session.close()
    },
  }
}

async function write(writer: Writer, batch: EncodedBatch, invocation: Invocation): Promise<SinkReport> {
  if (batch.ranges.length === 0) return { ranges: [] }
  const straight = writer.trust !== undefined && isTrusting(writer.trust)
  const course: Course = { phase: 'begin', straight, isolate: false, unsettled: undefined, epochs: undefined }
  const done = await retrying(writer, invocation, course, async () => {
    course.phase = 'begin'
    const session = await ready(writer, invocation)
    if (writer.letters) await exportLetters(writer, session, invocation)
    return transact(writer.sink, session, batch, invocation, course)
  })
  writer.letters = done.letters
  if (course.straight) writer.trust = trusting
  else if (!straight) writer.trust &&= afterUpsert(writer.trust)
  if (writer.letters)
    await retrying(writer, invocation, course, async () => {
      await exportLetters(writer, await ready(writer, invocation), invocation)
    })
  return reportOf(done)
}

async function exportLetters(writer: Writer, session: Session, invocation: Invocation): Promise<void> {
  await exportOutbox(session, invocation, writer.sink.pipeline, writer.sink.sink)
  writer.letters = false
}

/** A connection with its stages, on a database that fits the definition. */
async function ready(writer: Writer, { deadline }: Invocation): Promise<Session> {
  const { options, context, sink, ports } = writer
  if (writer.session?.usable() !== true) {
    writer.session = undefined
    const session = await ports.connect(writer.binding, `weirhouse ${sink.pipeline}/${sink.sink}`, deadline, ports)
    try {
      await session.script(deadline, sink.statements.createStages)
    } catch (error) {
      session.destroy() // kept, it would be without stages for good, whatever is put right
      throw error
    }
    writer.session = session
  }
  if (!writer.checked) {
    await checkLive(writer.session, deadline, options, context.order, sink.deletes !== undefined)
    if (writer.trust) {
      const parameters = [sink.statements.table, sink.layout.keys.map(({ name }) => name)]
      const [row] = await writer.session.query<{ oid: string }>(deadline, keyIndex, parameters)
      sink.keyIndex = row?.oid
    }
    writer.checked = true
  }
  return writer.session
}

/** Runs `work` until it succeeds, fails for good, or attempts or time are used up. */
async function retrying<T>(writer: Writer, invocation: Invocation, course: Course, work: () => Promise<T>): Promise<T> {
  const { deadline, log } = invocation
  const { sink } = writer.sink
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const fault = faultOf(error)
      await abandon(writer, invocation, error instanceof WeirError || keepsConnection(fault))
      if (error instanceof WeirError) throw error
      if (course.straight && course.phase === 'rows') {
        course.straight = false
        writer.trust &&= afterDisappointment(writer.trust)
        if (COLLISIONS.has(fault.code)) continue
      }
      if (fault.kind === 'refused' && course.phase === 'rows' && !course.isolate) {
        log('INFO', 'a row was refused; trying records apart', { sink, code: fault.code })
        course.isolate = true
        continue
      }
      if (fault.kind !== 'retryable') {
        writer.checked = false
        throw new WeirError(
          'WEIR_STORE_MISCONFIGURED',
          { sink, reason: tellable(fault), advice: fault.advice },
          { cause: error },
        )
      }
      if (deadline.remaining() < MIN_REQUEST_MS)
        throw new WeirError('WEIR_DEADLINE', { what: `sink "${sink}"` }, { cause: error })
      log('WARN', 'PostgreSQL failed; trying again within this invocation', {
        sink,
        code: fault.code,
        attempt,
        phase: course.phase,
      })
      const failure = new WeirError(
        'WEIR_STORE_UNAVAILABLE',
        { sink, reason: `${tellable(fault)} (${fault.advice.replace(/\.$/, '')})` },
        { cause: error },
      )
      if (attempt >= MAX_ATTEMPTS) throw failure
      const wait = writer.ports.random() * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1))
      if (deadline.remaining() < wait + MIN_REQUEST_MS) throw failure
      await writer.ports.sleep(wait)
      requireTime(deadline, `another attempt of sink "${sink}"`)
    }
  }
}

/** Leaves no transaction open: a rollback where the connection is sound and there is time, else the end of it. */
async function abandon(writer: Writer, { deadline, log }: Invocation, sound: boolean): Promise<void> {
  const { session } = writer
  if (!session) return
  try {
    if (sound && session.usable() && deadline.remaining() >= MIN_REQUEST_MS) await session.script(deadline, 'ROLLBACK')
    else session.destroy()
  } catch (error) {
    log('WARN', 'rollback failed; dropping the connection', { sink: writer.sink.sink, reason: messageOf(error) })
    session.destroy()
  }
  if (!session.usable()) writer.session = undefined
}
