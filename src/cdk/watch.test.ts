/** What constructs have to tell: that alarms and graphs are of metrics which exist, with the statistic that is right. */
import { Stack } from 'aws-cdk-lib'
import { Metric } from 'aws-cdk-lib/aws-cloudwatch'
import type { IMetric } from 'aws-cdk-lib/aws-cloudwatch'
import { describe, expect, test } from 'vitest'
import { consumers, kv, lake, reading, sql } from '../../test/aws/consumers.ts'
import { specApp, testApp } from '../../test/aws/spec-app.ts'
import type { DeliveryReport } from '../core/deliver.ts'
import { metricsOf } from '../lambda/telemetry.ts'
import { dynamodb } from '../sinks/dynamodb/index.ts'
import { DatabaseSize, Network, Poller, RecordDatabase, RecordTables } from './index.ts'
import type { AlarmSpec, Observable } from './index.ts'
import { wordOf } from './word.ts'

const spec = specApp()
const { stores, ledger, deadLetters } = spec.stores
const observables: Readonly<Record<string, Observable>> = { ...stores, ledger, deadLetters, demo: spec.demo }

function configOf(metric: IMetric) {
  const { namespace, metricName, statistic, dimensions = [] } = metric.toMetricConfig().metricStat!
  return { namespace, metricName, statistic, dimensions: dimensions.map(({ name }) => name) }
}

const named = ({ alarms }: Observable, id: string): AlarmSpec => {
  const found = alarms.find((alarm) => alarm.id === id)
  if (!found) throw new Error(`no alarm ${id} among ${alarms.map((alarm) => alarm.id).join(', ')}`)
  return found
}

describe('alarms', () => {
  test.each(Object.entries(observables))(
    '%s: ids are words and unique, texts say what to do, statistics hide nothing',
    (_, { alarms }) => {
      for (const { id, text, metric } of alarms) {
        expect(id).toMatch(/^[A-Za-z][A-Za-z0-9]*$/)
        expect(text.length).toBeGreaterThan(60)
        expect(['Maximum', 'Minimum', 'Sum']).toContain(configOf(metric).statistic)
        expect((metric as Metric).period.toMinutes()).toBe(5)
      }
      expect(new Set(alarms.map(({ id }) => id)).size).toBe(alarms.length)
    },
  )

  test('a consumer: the function, how far behind it is, and what its own metrics say', () => {
    expect(
      spec.demo.alarms.map(({ id, metric }) => [id, configOf(metric).namespace, configOf(metric).metricName]),
    ).toEqual([
      ['Errors', 'AWS/Lambda', 'Errors'],
      ['Throttles', 'AWS/Lambda', 'Throttles'],
      ['Duration', 'AWS/Lambda', 'Duration'],
      ['Lag', 'AWS/Kafka', 'MaxOffsetLag'],
      ['TimeLag', 'AWS/Kafka', 'EstimatedMaxTimeLag'],
      ['DeadLetters', 'Weirhouse', 'DeadLetters'],
      ['PoisonFlood', 'Weirhouse', 'PoisonFloods'],
      ['Failures', 'Weirhouse', 'Failures'],
      ['GapsLake', 'Weirhouse', 'Gaps'],
      ['GapsSql', 'Weirhouse', 'Gaps'],
      ['GapsKv', 'Weirhouse', 'Gaps'],
    ])
    expect(named(spec.demo, 'Duration').threshold).toBe(demoTimeoutMs * 0.8)
    expect(configOf(named(spec.demo, 'Lag').metric).dimensions.toSorted()).toEqual([
      'Cluster Name',
      'Consumer Group',
      'Topic',
    ])
  })

  test('D7: one invocation that halts on a flood wakes somebody; where nothing halts it, so many dead letters do', () => {
    const [halting, open] = [{}, { maxPoisonShare: false }].map((more) =>
      named(consumers([reading('a', [lake], more)]).made[0]!, 'PoisonFlood'),
    )
    expect([configOf(halting!.metric).metricName, halting!.threshold]).toEqual(['PoisonFloods', 1])
    expect([configOf(open!.metric).metricName, open!.threshold]).toEqual(['DeadLetters', 100])
  })

  test('dropped records are counted for provisioned pollers alone', () => {
    const { made } = consumers([reading('a', [lake])], { poller: Poller.provisioned() })
    const { metric } = named(made[0]!, 'Dropped')
    expect(configOf(metric)).toEqual({
      namespace: 'AWS/Lambda',
      metricName: 'DroppedEventCount',
      statistic: 'Sum',
      dimensions: ['EventSourceMappingUUID'],
    })
  })

  test('larger batches may be further behind', () => {
    const big = reading('a', [lake], { source: { topic: 'orders', batch: { records: 5000 } } })
    const [few, many] = [reading('b', [lake]), big].map((each) => named(consumers([each]).made[0]!, 'Lag').threshold)
    expect([few, many]).toEqual([5000, 50_000])
  })

  test.each([
    ['t4g.micro', 20, 64, 3],
    ['r7g.2xlarge', 200, 4000, 30],
    ['m7g.large', 100, 512, 15],
  ])('a database %s: connections by its memory, disk by its size', (instance, storageGib, connections, gib) => {
    const stack = new Stack(testApp(), 'Other')
    const size = DatabaseSize.of({ instance, storageGib })
    const database = new RecordDatabase(stack, 'Database', { network: new Network(stack, 'Network'), size })
    expect(named(database, 'DatabaseConnections').threshold).toBe(connections)
    expect(named(database, 'DatabaseStorage').threshold).toBe(gib * 1024 ** 3)
    expect(named(database, 'DatabaseStorage').comparison).toBe('LessThanOrEqualToThreshold')
  })

  test('throttled writes of an index are counted apart from those of its table', () => {
    const sink = dynamodb({ id: 'kv', table: 'by_id', partitionKey: 'id', indexes: { byDay: { partitionKey: 'day' } } })
    const tables = new RecordTables(new Stack(testApp(), 'Other'), 'Tables', { pipelines: [reading('a', [sink])] })
    expect(tables.alarms.map(({ metric }) => configOf(metric).dimensions)).toEqual([
      ['TableName'],
      ['TableName'],
      ['GlobalSecondaryIndexName', 'TableName'],
    ])
  })
})

const demoTimeoutMs = spec.demo.pipeline.function.timeoutSeconds * 1000

test('every metric of our own that is watched is one that the function writes, with the same dimensions', () => {
  const ids = ['lake', 'sql', 'kv']
  const ranges: [] = []
  const report: DeliveryReport = {
    ranges,
    records: 1,
    rows: 1,
    deadLetters: 0,
    sinks: ids.map((id) => ({ id, milliseconds: 1, outcome: { report: { ranges } } })),
  }
  const facts = { pipeline: 'demo', report, milliseconds: 1, cold: false }
  const written = metricsOf(facts, { timestamp: 0, namespace: 'Weirhouse/test' }).flatMap((document) => {
    const { CloudWatchMetrics } = document['_aws'] as { CloudWatchMetrics: Directive[] }
    const [{ Namespace, Dimensions, Metrics }] = CloudWatchMetrics as [Directive]
    const dimensions = Dimensions[0]!.map((name) => `${name}=${String(document[name])}`)
    return Metrics.map(({ Name }) => [Namespace, Name, ...dimensions].join(' '))
  })
  const { made } = consumers([reading('demo', [lake, sql, kv])], { metricsNamespace: 'Weirhouse/test' })
  const { alarms, graphs } = made[0]!
  const watched = [
    ...alarms.map(({ metric }) => metric),
    ...graphs.flatMap(({ left, right = [] }) => [...left, ...right]),
  ]
    .map((metric) => metric.toMetricConfig().metricStat!)
    .filter(({ namespace }) => !namespace.startsWith('AWS/'))
    .map(({ namespace, metricName, dimensions = [] }) =>
      [namespace, metricName, ...dimensions.map(({ name, value }) => `${name}=${String(value)}`)].join(' '),
    )
  expect(watched.length).toBeGreaterThan(10)
  expect(watched.filter((each) => !written.includes(each))).toEqual([])
})

interface Directive {
  readonly Namespace: string
  readonly Dimensions: readonly (readonly string[])[]
  readonly Metrics: readonly { readonly Name: string }[]
}

test.each([
  ['demo', 'Demo'],
  ['by-region', /^ByRegion[0-9a-f]{6}$/],
  ['by_region', /^ByRegion[0-9a-f]{6}$/],
  ['Demo', /^Demo[0-9a-f]{6}$/],
])('%s as a word', (name, word) => {
  expect(wordOf(name)).toEqual(typeof word === 'string' ? word : expect.stringMatching(word))
  expect(new Set(['demo', 'by-region', 'by_region', 'Demo'].map(wordOf)).size).toBe(4)
})
