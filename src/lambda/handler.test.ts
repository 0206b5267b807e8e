import { describe, expect, test } from 'vitest'
import { text } from '../core/decode/text.ts'
import type { DeadLetter } from '../core/dead-letter.ts'
import { WeirError } from '../core/errors.ts'
import { pipeline } from '../core/pipeline.ts'
import type { LedgerStore } from '../sinks/ledger.ts'
import type { PreparedBatch, SinkDefinition, SinkRange, SinkReport } from '../sinks/sink.ts'
import { handlerOf } from './handler.ts'
import type { Surroundings } from './handler.ts'

const noLedger: LedgerStore = {
  read: () => Promise.resolve(undefined),
  compareAndSet: () => Promise.resolve({ ok: true }),
}

interface Probe {
  readonly sink: SinkDefinition
  opened: number
  fail: WeirError | undefined
  failOpen: Error | undefined
  hang: boolean
}

/** A sink that takes everything, or fails as told. */
function probe(id: string): Probe {
  const report = (ranges: readonly SinkRange[]): SinkReport => ({
    ranges: ranges.map(({ source, records }) => ({
      source,
      first: records[0]!.record.offset,
      last: records.at(-1)!.record.offset,
      rows: records.length,
      duplicates: 1,
      refused: 0,
      gaps: 0,
    })),
  })
  const state: Probe = {
    opened: 0,
    fail: undefined,
    failOpen: undefined,
    hang: false,
    sink: {
      kind: 'memory',
      id,
      options: {},
      grants: [],
      open: async () => {
        state.opened++
        if (state.hang) await new Promise(() => undefined)
        if (state.failOpen) throw state.failOpen
        return {
          prepare: (ranges): PreparedBatch => ({
            refusals: [],
            write: () => (state.fail ? Promise.reject(state.fail) : Promise.resolve(report(ranges))),
          }),
          close: () => Promise.resolve(),
        }
      },
    },
  }
  return state
}

const SECRET = 'do-not-print-me'
const bindings = (...ids: string[]) =>
  JSON.stringify({
    sinks: Object.fromEntries(ids.map((id) => [id, { password: SECRET }])),
    ledger: { table: 'ledger' },
    deadLetters: { table: 'letters', bucket: 'letters' },
  })

function event(...values: (string | null)[]) {
  const record = (value: string | null, offset: number) => ({
    topic: 't',
    partition: 3,
    offset,
    timestamp: 1_700_000_000_000,
    timestampType: 'CREATE_TIME',
    value: value === null ? null : Buffer.from(value).toString('base64'),
    headers: [],
  })
  return {
    eventSource: 'aws:kafka',
    eventSourceArn: 'arn:x',
    bootstrapServers: 'h:1',
    records: { 't-3': values.map(record) },
  }
}

interface World {
  readonly lines: Record<string, unknown>[]
  readonly letters: DeadLetter[]
  readonly invoke: (event: unknown, ms?: number) => Promise<void>
}

function world(sinks: readonly Probe[], more: Partial<Surroundings> = {}): World {
  const lines: Record<string, unknown>[] = []
  const letters: DeadLetter[] = []
  const definition = pipeline({
    name: 'p',
    source: { topic: 't' },
    decode: text(),
    sinks: sinks.map((each) => each.sink),
  })
  const handler = handlerOf(definition, {
    openLedger: () => noLedger,
    openDeadLetters: () => ({
      put: (more) => Promise.resolve(void letters.push(...more)),
      take: () => Promise.reject(new Error('no replay was sent')),
    }),
    variables: { WEIRHOUSE_BINDINGS: bindings(...sinks.map((each) => each.sink.id)) },
    write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    now: () => 1_700_000_000_000,
    ...more,
  })
  return {
    lines,
    letters,
    invoke: (event, ms = 5_000) => {
      const end = Date.now() + ms
      return handler(event, { awsRequestId: 'request-1', getRemainingTimeInMillis: () => end - Date.now() })
    },
  }
}

describe('createHandler', () => {
  test('opens each sink once an environment', async () => {
    const sink = probe('a')
    const { invoke } = world([sink])
    await invoke(event('1'))
    await invoke(event('2'))
    expect(sink.opened).toBe(1)
  })

  test('D5: a sink that cannot be opened fails alone and is opened again by the next invocation', async () => {
    const [good, bad] = [probe('good'), probe('bad')]
    bad.failOpen = new WeirError('WEIR_STORE_UNAVAILABLE', { sink: 'bad', reason: 'refused' })
    const { invoke, lines } = world([good, bad])
    await expect(invoke(event('1'))).rejects.toMatchObject({ name: 'WEIR_STORE_UNAVAILABLE' })
    expect(lines[0]).toMatchObject({ sinks: { good: { rows: 1 }, bad: { error: 'WEIR_STORE_UNAVAILABLE' } } })
    bad.failOpen = undefined
    await invoke(event('1'))
    expect([good.opened, bad.opened]).toEqual([1, 2])
  })

  test('D10: a sink that takes for ever to open fails at the deadline, not after it', async () => {
    const sink = probe('slow')
    sink.hang = true
    await expect(world([sink]).invoke(event('1'), 50)).rejects.toMatchObject({ name: 'WEIR_DEADLINE' })
  })

  test('D1: throws the code as errorType when a sink failed, with one ERROR line of code and cure', async () => {
    const sink = probe('a')
    sink.fail = new WeirError('WEIR_CONTENDED', { sink: 'a', source: 't/3' })
    const { invoke, lines } = world([sink])
    await expect(invoke(event('1'))).rejects.toMatchObject({ name: 'WEIR_CONTENDED' })
    const errors = lines.filter((line) => line.level === 'ERROR')
    expect(errors).toEqual([
      expect.objectContaining({ code: 'WEIR_CONTENDED', retryable: true, cure: expect.stringContaining('again') }),
    ])
    expect(lines).toContainEqual(expect.objectContaining({ pipeline: 'p', sink: 'a', Failures: 1 }))
  })

  test('N4: an event of another shape is one ERROR line and one count', async () => {
    const { invoke, lines } = world([probe('a')])
    await expect(invoke({ hello: 1 })).rejects.toMatchObject({ name: 'WEIR_EVENT_MALFORMED' })
    expect(lines.filter((line) => line.level === 'ERROR')).toHaveLength(1)
    expect(lines).toContainEqual(expect.objectContaining({ pipeline: 'p', Failures: 1 }))
  })

  test('D7: a flood fails under its own code, without a dead letter, and is counted for the alarm', async () => {
    const { invoke, letters, lines } = world([probe('a')])
    const bad = Buffer.from([0xff]).toString('base64')
    const flood = event(...Array.from({ length: 150 }, () => 'x'))
    const records = { 't-3': flood.records['t-3'].map((record, i) => (i < 101 ? { ...record, value: bad } : record)) }
    await expect(invoke({ ...flood, records })).rejects.toMatchObject({ name: 'WEIR_POISON_FLOOD' })
    expect(letters).toEqual([])
    expect(lines).toContainEqual(expect.objectContaining({ pipeline: 'p', Failures: 1, PoisonFloods: 1 }))
    expect(lines.filter(({ level }) => level === 'ERROR')).toEqual([
      expect.objectContaining({ code: 'WEIR_POISON_FLOOD', retryable: false }),
    ])
    await invoke({ ...flood, records: { 't-3': records['t-3'].slice(1) } })
    expect(letters).toHaveLength(100)
  })

  test('writes one INFO line an invocation: partitions, offsets, rows, time a sink, duplicates, dead letters', async () => {
    const { invoke, lines } = world([probe('a')])
    await invoke(event('1', '2'))
    expect(lines.filter((line) => line.level === 'INFO')).toEqual([
      {
        timestamp: '2023-11-14T22:13:20.000Z',
        level: 'INFO',
        message: 'batch delivered',
        requestId: 'request-1',
        pipeline: 'p',
        milliseconds: 0,
        cold: true,
        records: 2,
        rows: 2,
        deadLetters: 0,
        partitions: [{ partition: 3, first: 0, last: 1, records: 2 }],
        sinks: { a: { milliseconds: 0, rows: 2, duplicates: 1, refused: 0, gaps: 0 } },
      },
    ])
  })

  test('metrics go to the namespace that the environment names, also those of a batch that nothing was made of', async () => {
    const variables = { WEIRHOUSE_BINDINGS: bindings('a'), WEIRHOUSE_METRICS_NAMESPACE: 'Weirhouse/test' }
    const { lines, invoke } = world([probe('a')], { variables })
    await invoke(event('x'))
    await expect(invoke({})).rejects.toThrow()
    const namespaces = lines
      .filter((line) => '_aws' in line)
      .map((line) => /"Namespace":"([^"]*)"/.exec(JSON.stringify(line))![1])
    expect(namespaces).toEqual(['Weirhouse/test', 'Weirhouse/test', 'Weirhouse/test'])
  })

  test('N5: neither a payload nor a secret is in any line, whatever goes wrong', async () => {
    const sink = probe('a')
    const { invoke, lines } = world([sink])
    await invoke(event('payload-of-the-record'))
    sink.fail = new WeirError('WEIR_STORE_UNAVAILABLE', { sink: 'a', reason: 'refused' })
    await expect(invoke(event('payload-of-the-record'))).rejects.toThrow('refused')
    const broken = world([sink], { variables: { WEIRHOUSE_BINDINGS: `{"sinks": ${SECRET}` } })
    const error: unknown = await broken.invoke(event('1')).catch((reason: unknown) => reason)
    const text = JSON.stringify([lines, broken.lines, String(error)])
    expect(text).not.toMatch(/payload-of-the-record|do-not-print-me/)
  })

  test('says which binding is missing', async () => {
    const none = world([probe('a')], { variables: {} })
    await expect(none.invoke(event('1'))).rejects.toMatchObject({ name: 'WEIR_BINDING_MISSING' })
    const other = world([probe('a')], { variables: { WEIRHOUSE_BINDINGS: bindings('b') } })
    await expect(other.invoke(event('1'))).rejects.toThrow('binding of sink "a"')
  })
})
