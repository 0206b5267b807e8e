import { setTimeout as sleep } from 'node:timers/promises'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DeliveryReport } from '../core/deliver.ts'
import { createDeadline, MARGIN_MS } from './deadline.ts'
import { createLog } from './log.ts'
import { MAX_EMF_DIMENSIONS, MAX_EMF_METRICS, metricsOf } from './telemetry.ts'

describe('createDeadline', () => {
  test.each([
    [60_000, 60_000 - MARGIN_MS],
    [1_000, 900],
    [0, 0],
    [-5, 0],
  ])('D10: of %i ms, %i may be used', (left, usable) => {
    const deadline = createDeadline(() => left)
    expect(deadline.remaining()).toBe(usable)
    deadline.close()
  })

  test('D10: the signal aborts when nothing is left, with a code', async () => {
    const end = Date.now() + 30
    const deadline = createDeadline(() => end - Date.now())
    expect(deadline.signal.aborted).toBe(false)
    await sleep(60)
    expect(deadline.signal.reason).toMatchObject({ code: 'WEIR_DEADLINE' })
  })

  test('a closed deadline does not fire in a later invocation', async () => {
    const end = Date.now() + 10
    const deadline = createDeadline(() => end - Date.now())
    deadline.close()
    await sleep(30)
    expect(deadline.signal.aborted).toBe(false)
  })
})

describe('createLog', () => {
  test.each([
    [undefined, ['INFO', 'WARN', 'ERROR']],
    ['debug', ['DEBUG', 'INFO', 'WARN', 'ERROR']],
    ['WARN', ['WARN', 'ERROR']],
    ['FATAL', ['ERROR']],
    ['nonsense', ['INFO', 'WARN', 'ERROR']],
  ])('level %s shows %j', (level, shown) => {
    const lines: string[] = []
    const log = createLog({ write: (line) => void lines.push(line), requestId: 'r', level, now: () => 0 })
    for (const each of ['DEBUG', 'INFO', 'WARN', 'ERROR'] as const) log(each, 'm', { n: 10n })
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(shown)
  })

  test('a line is one line, whatever the message holds', () => {
    const lines: string[] = []
    const log = createLog({ write: (line) => void lines.push(line), requestId: 'r', level: undefined, now: () => 0 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.dictionary(fc.string(), fc.jsonValue()), (message, fields) => {
        lines.length = 0
        log('INFO', message, { fields })
        expect(lines).toHaveLength(1)
        expect(lines[0]!.indexOf('\n')).toBe(lines[0]!.length - 1)
      }),
      { numRuns: 50 },
    )
  })
})

interface Emf {
  readonly _aws: {
    readonly Timestamp: number
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string
      readonly Dimensions: readonly (readonly string[])[]
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[]
    }[]
  }
}

describe('metricsOf', () => {
  test('every document is EMF: dimensions and metrics name members of the root, within the limits', () => {
    const sinks: DeliveryReport['sinks'] = [
      { id: 'a', milliseconds: 5, outcome: { report: { ranges: [] } } },
      { id: 'b', milliseconds: 6, outcome: { error: new Error('x') as never } },
    ]
    const report: DeliveryReport = { ranges: [], records: 1, rows: 2, deadLetters: 0, sinks }
    const documents = metricsOf({ pipeline: 'p', report, milliseconds: 7, cold: false }, { timestamp: 42 })
    expect(documents.map(({ pipeline, sink }) => [pipeline, sink])).toEqual([
      ['p', undefined],
      ['p', 'a'],
      ['p', 'b'],
    ])
    for (const document of documents) {
      const [directive] = (document as unknown as Emf)._aws.CloudWatchMetrics
      expect(directive!.Namespace).toBe('Weirhouse')
      expect(directive!.Metrics.length).toBeLessThanOrEqual(MAX_EMF_METRICS)
      expect(directive!.Dimensions[0]!.length).toBeLessThanOrEqual(MAX_EMF_DIMENSIONS)
      for (const name of directive!.Dimensions.flat()) expect(document[name]).toEqual(expect.any(String))
      for (const { Name } of directive!.Metrics) expect(document[Name]).toEqual(expect.any(Number))
    }
  })
})
