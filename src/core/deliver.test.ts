import { describe, expect, test } from 'vitest'
import { eventOf, world } from '../../test/support/deliver-world.ts'
import { memory, memoryStore } from '../sinks/memory.ts'
import type { PreparedBatch, SinkWriter } from '../sinks/sink.ts'
import { WeirError } from './errors.ts'

const codeOf = (error: unknown) => (error instanceof WeirError ? error.code : String(error))
const down = new WeirError('WEIR_STORE_UNAVAILABLE', { sink: 'a', reason: 'it is down' })

describe('the order of steps', () => {
  test('D1 D6: encode, then dead letters, then the writes', async () => {
    const { steps, run } = world()
    await run(eventOf({ 0: ['1', 'poison'] }))
    expect(steps).toEqual(['prepare a', 'prepare b', 'flood gate', 'dead letters', 'write a', 'write b'])
  })

  test('nothing to put, nothing asked', async () => {
    const { steps, run } = world()
    await run(eventOf({ 0: ['1'] }))
    expect(steps).toEqual(['prepare a', 'prepare b', 'write a', 'write b'])
  })

  test('N1: where dead letters are not durable nothing is written, and it throws', async () => {
    const { steps, run } = world()
    const failure = await run(eventOf({ 0: ['poison'] }), () => Promise.reject(down)).catch(codeOf)
    expect(failure).toBe('WEIR_STORE_UNAVAILABLE')
    expect(steps).toEqual(['prepare a', 'prepare b', 'flood gate'])
  })

  test('D7: a flood is told before any dead letter is put, and nothing is written', async () => {
    const flood = new WeirError('WEIR_POISON_FLOOD', { pipeline: 'p' })
    const { steps, letters, run } = world({ flood })
    expect(await run(eventOf({ 0: ['1', 'poison'] })).catch(codeOf)).toBe('WEIR_POISON_FLOOD')
    expect(steps).toEqual(['prepare a', 'prepare b', 'flood gate'])
    expect(letters).toEqual([])
  })

  test('D7: a record counts once, in however many sinks it failed, and only sources with poison are asked about', async () => {
    const refusing = (id: string) => ({
      ...memory({ id, store: memoryStore() }),
      row: (n: number) => {
        if (n === 2) throw new Error('not two')
        return n
      },
    })
    const { poisoned, letters, run } = world({ sinks: [refusing('a'), refusing('b')] })
    await run(eventOf({ 0: ['1'], 1: ['1', '2', 'poison'] }))
    expect(letters).toHaveLength(3)
    expect(
      poisoned.map(({ source, records, poison }) => [
        source.partition,
        records.length,
        [...poison.keys()].toSorted((a, b) => a - b),
      ]),
    ).toEqual([[1, 3, [1, 2]]])
  })
})

describe('one sink fails', () => {
  test('D5 N6: the others write all the same, and the failure is reported', async () => {
    const { steps, writers, writer, run } = world()
    writers.set('a', writer('a', { write: () => Promise.reject(down) }))
    const report = await run(eventOf({ 0: ['1'] }))
    expect(steps).toEqual(['prepare a', 'prepare b', 'write b'])
    expect(report.failure).toBe(down)
    expect(report.sinks.map(({ id, outcome }) => [id, 'error' in outcome])).toEqual([
      ['a', true],
      ['b', false],
    ])
  })

  test('D5 N6: no sink waits for another', async () => {
    const { steps, writers, writer, run } = world()
    const { promise, resolve } = Promise.withResolvers<{ ranges: [] }>()
    writers.set('a', writer('a', { write: () => promise }))
    const finished = run(eventOf({ 0: ['1'] }))
    await expect.poll(() => steps).toContain('write b')
    resolve({ ranges: [] })
    expect((await finished).failure).toBeUndefined()
  })

  test.each<[string, (each: ReturnType<typeof world>) => SinkWriter | WeirError | undefined, code: string]>([
    ['one that could not be opened', () => down, 'WEIR_STORE_UNAVAILABLE'],
    ['one that was never opened', () => undefined, 'WEIR_UNEXPECTED'],
    [
      'one whose encoding throws',
      ({ writer }) => ({ ...writer('a'), prepare: () => JSON.parse('{') as PreparedBatch }),
      'WEIR_UNEXPECTED',
    ],
    [
      'one that throws at once',
      ({ writer }) => writer('a', { write: () => JSON.parse('{') as never }),
      'WEIR_UNEXPECTED',
    ],
    [
      'one that throws what is no WeirError',
      ({ writer }) => writer('a', { write: () => Promise.reject(new TypeError('x')) }),
      'WEIR_UNEXPECTED',
    ],
  ])('D5: %s', async (_, failing, code) => {
    const each = world()
    const writer = failing(each)
    if (writer) each.writers.set('a', writer)
    else each.writers.delete('a')
    const { failure } = await each.run(eventOf({ 0: ['1'] }))
    expect(codeOf(failure)).toBe(code)
    expect(each.steps).toContain('write b')
  })

  test('D1: several failures are told in one', async () => {
    const { writers, run } = world()
    writers.set('a', down)
    writers.set('b', new WeirError('WEIR_DEADLINE', { what: 'sink "b"' }))
    const { failure } = await run(eventOf({ 0: ['1'] }))
    expect(failure?.code).toBe('WEIR_DELIVERY_FAILED')
    expect(failure?.message).not.toMatch(/\.[;.]/)
    expect(failure?.message).toContain('a: WEIR_STORE_UNAVAILABLE')
    expect(failure?.message).toContain('b: WEIR_DEADLINE')
  })
})

describe('several sinks fail', () => {
  const misconfigured = new WeirError('WEIR_STORE_MISCONFIGURED', { sink: 'b', reason: 'no table', advice: 'Make it.' })

  test('D8: where one failure needs a person, that one is thrown, and is not called retryable', async () => {
    const { writers, logged, run } = world()
    writers.set('a', down)
    writers.set('b', misconfigured)
    const { failure } = await run(eventOf({ 0: ['1'] }))
    expect(failure).toBe(misconfigured)
    expect(failure?.retryable).toBe(false)
    expect(logged.map(([level, , fields]) => [level, fields?.['sink'], fields?.['code']])).toEqual([
      ['WARN', 'a', 'WEIR_STORE_UNAVAILABLE'],
      ['WARN', 'b', 'WEIR_STORE_MISCONFIGURED'],
    ])
  })
})

describe('poison', () => {
  test.each([
    ['a promise', () => Promise.reject(new Error('nobody waits'))],
    ['a thenable', () => Object.fromEntries(new Map([['then', () => undefined]]))],
  ])('D6: a row(...) that gives %s refuses the record: no sink can store it', async (_, row) => {
    const each = world({ sinks: [{ ...memory({ id: 'a', store: memoryStore() }), row }], ids: ['a'] })
    await each.run(eventOf({ 0: ['1'] }))
    expect(each.letters.map(({ sink, stage, text }) => [sink, stage, text])).toEqual([
      ['a', 'transform', 'row(...) gave a promise; only the transform may wait'],
    ])
    expect(each.seen['a']![0]!.records[0]!.rows).toEqual([])
  })

  test('D6: a record that fails for all has one dead letter, and its neighbours have their rows', async () => {
    const { letters, seen, run } = world()
    const report = await run(eventOf({ 0: ['1', 'poison', '3'], 1: ['{'] }))
    expect(
      letters.map(({ pipeline: name, sink, source, record, stage, code }) => [
        name,
        sink,
        source.partition,
        record.offset,
        stage,
        code,
      ]),
    ).toEqual([
      ['p', '*', 0, 1, 'decode', 'WEIR_DECODE'],
      ['p', '*', 1, 0, 'decode', 'WEIR_DECODE'],
    ])
    expect(seen['a']!.map(({ records }) => records.map(({ rows }) => rows))).toEqual([[[1], [], [3]], [[]]])
    expect(report).toMatchObject({ records: 4, rows: 2, deadLetters: 2 })
  })

  test('D6: a row(...) that throws refuses the record in that sink alone', async () => {
    const each = world({
      sinks: [
        memory({ id: 'a', store: memoryStore() }),
        {
          ...memory({ id: 'b', store: memoryStore() }),
          row: (n: number) => {
            if (n === 2) throw new Error('not two')
            return n * 10
          },
        },
      ],
    })
    await each.run(eventOf({ 0: ['1', '2'] }))
    expect(each.letters.map(({ sink, record, stage, code, text }) => [sink, record.offset, stage, code, text])).toEqual(
      [['b', 1, 'transform', 'WEIR_TRANSFORM', 'not two']],
    )
    expect(each.seen['a']![0]!.records.map(({ rows }) => rows)).toEqual([[1], [2]])
    expect(each.seen['b']![0]!.records.map(({ rows }) => rows)).toEqual([[10], []])
  })

  test('D6: what a sink cannot encode is durable before anything is written', async () => {
    const { steps, letters, writers, writer, run } = world({ ids: ['a'] })
    const plain = writer('a')
    writers.set('a', {
      ...plain,
      prepare: (ranges) => {
        const { source, records } = ranges[0]!
        const refusal = {
          source,
          record: records[0]!.record,
          stage: 'encode',
          code: 'WEIR_ENCODE',
          text: 'no',
        } as const
        return { ...plain.prepare(ranges), refusals: [refusal] }
      },
    })
    await run(eventOf({ 0: ['1'] }))
    expect(steps).toEqual(['prepare a', 'flood gate', 'dead letters', 'write a'])
    expect(letters.map(({ sink, stage }) => [sink, stage])).toEqual([['a', 'encode']])
  })
})

describe('what is not ours', () => {
  test('E4: records of another topic are refused before anything happens', async () => {
    const { steps, run } = world()
    expect(await run(eventOf({ 0: ['1'] }, 'other')).catch(codeOf)).toBe('WEIR_EVENT_FOREIGN_TOPIC')
    expect(steps).toEqual([])
  })

  test('N1: a malformed event is not acknowledged', async () => {
    expect(await world().run({}).catch(codeOf)).toBe('WEIR_EVENT_MALFORMED')
  })
})

test('rows, versions and ranges reach every sink; the report says what came', async () => {
  const { seen, run } = world({
    transform: (value) => [value, value],
    order: (row) => Number(row),
  })
  const report = await run(eventOf({ 1: ['7'], 0: ['5', '6'] }))
  expect(report.ranges).toEqual([
    { topic: 'quakes', partition: 0, first: 0, last: 1, records: 2 },
    { topic: 'quakes', partition: 1, first: 0, last: 0, records: 1 },
  ])
  expect(report).toMatchObject({ records: 3, rows: 6, deadLetters: 0 })
  expect(report.failure).toBeUndefined()
  expect(seen['b']![0]!.records[0]).toMatchObject({ rows: [5, 5], versions: [5, 5] })
})
