/** Drives the step machine: performs what it asks for, several keys at a time, until it is done or has failed. */
import { WeirError } from '../../core/errors.ts'
import { sourceKey, sourceLabel } from '../../core/record.ts'
import { requireTime } from '../../core/time-left.ts'
import { ledgerKey } from '../ledger.ts'
import type { LedgerItem } from '../ledger.ts'
import type { Invocation } from '../sink.ts'
import { emptyObject } from './codec.ts'
import { dataPrefix, suffixOf } from './keys.ts'
import type { NewObject } from './objects.ts'
import { advance, requestsOf, startFrom } from './protocol.ts'
import type { RangeInput, Reply, Request, Running, State } from './protocol.ts'
import { dueOf, indexes } from './range-input.ts'
import type { Job } from './writer.ts'

/** Requests for keys of one claim at once; over all, the client's sockets are the bound (D11). */
const KEYS_IN_FLIGHT = 8
/** The machine bounds its own returns and looks; this bounds the machine: steps beside those of keys, and of each key. */
const MAX_STEPS = 64
const MAX_KEY_STEPS = 16

/** A range, or as much of it as one claim may hold. */
export interface Part extends Job {
  /** Of its records in the range, `to` exclusive. */
  readonly places: { readonly from: number; readonly to: number }
  readonly input: RangeInput
}

type Done = Extract<State, { at: 'done' }>

/** Throws WeirError where the machine failed, a store did, or no time is left; nothing is then on its way any more. */
export async function drive(part: Part, invocation: Invocation): Promise<Done> {
  const flights = new Map<string, Promise<Reply>>()
  try {
    return await run(part, invocation, flights)
  } finally {
    await Promise.allSettled(flights.values())
  }
}

async function run(part: Part, invocation: Invocation, flights: Map<string, Promise<Reply>>): Promise<Done> {
  let state: State = startFrom(part.input, part.known.get(sourceKey(part.range.source)))
  let limit = MAX_STEPS
  for (let steps = 0; steps < limit; steps++) {
    if (state.at === 'done') {
      remember(part, state.known)
      return state
    }
    if (state.at === 'failed') throw failureOf(part, state)
    state = advance(part.input, state, await nextReply(part, state, invocation, flights))
    if ('keys' in state) limit = Math.max(limit, MAX_STEPS + MAX_KEY_STEPS * state.keys.length)
  }
  throw contended(part)
}

function remember({ known, range }: Part, item: LedgerItem | undefined): void {
  if (item) known.set(sourceKey(range.source), item)
  else known.delete(sourceKey(range.source))
}

/** Starts what may be started and waits for the first answer. */
async function nextReply(
  part: Part,
  state: Running,
  invocation: Invocation,
  flights: Map<string, Promise<Reply>>,
): Promise<Reply> {
  const requests = requestsOf(part.input, state)
  if (requests.length === 1 && flights.size === 0) return perform(part, requests[0]!, invocation)
  for (const request of requests) {
    if (flights.size >= KEYS_IN_FLIGHT) break
    const name = 'key' in request ? request.key : request.do
    if (!flights.has(name)) flights.set(name, perform(part, request, invocation))
  }
  const reply = await Promise.race(flights.values())
  flights.delete('key' in reply ? reply.key : reply.to)
  return reply
}

async function perform(part: Part, request: Request, invocation: Invocation): Promise<Reply> {
  const { context, objects, options, range } = part
  const { deadline } = invocation
  const item = ledgerKey(context.pipeline, options.id, range.source)
  requireTime(deadline, `sink "${options.id}"`)
  if (request.do === 'read') return { to: 'read', item: await context.ledger.read(item, deadline) }
  if (request.do === 'swap')
    return { to: 'swap', result: await context.ledger.compareAndSet(item, request.item, deadline) }
  if (request.do === 'list')
    return { to: 'list', found: await objects.holdsAny(folderOf(part), range.source.partition, deadline) }
  const { key } = request
  if (request.do === 'head') return { to: 'head', key, object: await objects.head(key, deadline) }
  if (request.mark.void) logVoid(part, request, invocation)
  const { created } = await objects.put(await objectOf(part, request), deadline)
  return { to: 'put', key, created }
}

async function objectOf(
  part: Part,
  { key, output, mark, without }: Extract<Request, { do: 'put' }>,
): Promise<NewObject> {
  const { codec, input, places, options } = part
  // claimed under another definition: what cannot be written again is voided in its own format
  if (mark.void && !key.endsWith(suffixOf(options)))
    return { key, mark, records: 0, rows: 0, ...(await emptyObject(key)) }
  const { from, to } = mark.void ? { from: 0, to: 0 } : indexes(input.records, mark)
  const { parts, rows } = dueOf(part, without).parts(output, places.from + from, places.from + to)
  const body = await codec.object(parts)
  return { key, mark, records: to - from, rows, body, contentType: codec.contentType }
}

function folderOf({ binding, context, options, range }: Part): string {
  return dataPrefix(binding.prefix, context.pipeline, options.id, range.source.topic)
}

function logVoid(part: Part, { key, mark }: Extract<Request, { do: 'put' }>, { log }: Invocation): void {
  const { first, last } = mark
  log('WARN', 'voiding the unfinished claim of another invocation', { ...placeOf(part), first, last, key })
}

function placeOf({ options, range }: Part): { sink: string; source: string } {
  return { sink: options.id, source: sourceLabel(range.source) }
}

function failureOf(part: Part, state: Extract<State, { at: 'failed' }>): WeirError {
  const { binding, input, range } = part
  const place = placeOf(part)
  const first = input.records[0]!.offset
  const { code } = state
  if (code === 'WEIR_TOPIC_RESTARTED' || code === 'WEIR_REWOUND')
    return new WeirError(code, { ...place, next: state.next, first, why: state.why })
  if (code === 'WEIR_FOREIGN_OBJECT') return new WeirError(code, { key: `s3://${binding.bucket}/${state.key}` })
  if (code === 'WEIR_TAKEN_OVER')
    return new WeirError(code, { ...place, range: `${first}..${input.records.at(-1)!.offset}` })
  if (code === 'WEIR_CONTENDED') return contended(part)
  return new WeirError(code, {
    what: `s3://${binding.bucket}/${folderOf(part)}`,
    reason: `objects of partition ${range.source.partition} are there, but the ledger knows of none`,
  })
}

function contended(part: Part): WeirError {
  return new WeirError('WEIR_CONTENDED', placeOf(part))
}
