/**
 * What an invocation tells about itself: the fields of its one INFO line, and its metrics in the CloudWatch embedded
 * metric format (EMF): JSON on standard output, no request, no client.
 * Source of the format: Amazon CloudWatch User Guide, "Specification: Embedded metric format".
 */
import type { DeliveryReport, SinkResult } from '../core/deliver.ts'
import { WeirError } from '../core/errors.ts'
import { METRICS_NAMESPACE } from '../core/metrics.ts'
import type { RangeReport } from '../sinks/sink.ts'

/** CloudWatch: metric definitions in one EMF document. */
export const MAX_EMF_METRICS = 100
/** CloudWatch: keys in one dimension set. */
export const MAX_EMF_DIMENSIONS = 30

export interface Facts {
  readonly pipeline: string
  readonly report: DeliveryReport
  readonly milliseconds: number
  /** First invocation of its environment. */
  readonly cold: boolean
}

/** When a metric was taken, and where it belongs. */
export interface Stamp {
  readonly timestamp: number
  /** @default METRICS_NAMESPACE */
  readonly namespace?: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/** Partitions, offsets, rows, time a sink, duplicates skipped, dead letters. Never a key, value or header (N5). */
export function summaryOf({ pipeline, report, milliseconds, cold }: Facts): Fields {
  return {
    pipeline,
    milliseconds,
    cold,
    records: report.records,
    rows: report.rows,
    deadLetters: report.deadLetters,
    partitions: report.ranges.map(({ partition, first, last, records }) => ({ partition, first, last, records })),
    sinks: Object.fromEntries(report.sinks.map((sink) => [sink.id, sinkSummary(sink)])),
  }
}

function sinkSummary({ milliseconds, outcome }: SinkResult): Fields {
  if ('error' in outcome) return { milliseconds, error: outcome.error.code }
  return { milliseconds, ...totalsOf(outcome.report.ranges) }
}

interface Totals {
  readonly rows: number
  readonly duplicates: number
  readonly refused: number
  readonly gaps: number
}

function totalsOf(ranges: readonly RangeReport[]): Totals {
  const sum = (field: keyof Totals) => ranges.reduce((total, range) => total + range[field], 0)
  return { rows: sum('rows'), duplicates: sum('duplicates'), refused: sum('refused'), gaps: sum('gaps') }
}

/**
 * One document for the pipeline and one for each sink: a document holds one value of a dimension, so that sinks cannot
 * share one.
 */
export function metricsOf({ pipeline, report, milliseconds }: Facts, stamp: Stamp): Fields[] {
  return [
    emf(
      stamp,
      { pipeline },
      {
        Records: report.records,
        Rows: report.rows,
        DeadLetters: report.deadLetters,
        Duration: milliseconds,
        Failures: report.failure ? 1 : 0,
        PoisonFloods: 0,
      },
    ),
    ...report.sinks.map((sink) => emf(stamp, { pipeline, sink: sink.id }, sinkMetrics(sink))),
  ]
}

function sinkMetrics({ milliseconds: Duration, outcome }: SinkResult): Metrics {
  if ('error' in outcome) return { Duration, Failures: 1 }
  const { rows: Rows, duplicates: Duplicates, refused: Refused, gaps: Gaps } = totalsOf(outcome.report.ranges)
  return { Duration, Failures: 0, Rows, Duplicates, Refused, Gaps }
}

/** For an invocation that failed before any sink wrote: there is no report. */
export function failureMetrics(pipeline: string, error: unknown, stamp: Stamp): Fields {
  const flood = error instanceof WeirError && error.code === 'WEIR_POISON_FLOOD'
  return emf(stamp, { pipeline }, { Failures: 1, PoisonFloods: flood ? 1 : 0 })
}

/** Counts, but for Duration. */
type Metrics = Readonly<Record<string, number>>

function emf(
  { timestamp, namespace = METRICS_NAMESPACE }: Stamp,
  dimensions: Readonly<Record<string, string>>,
  metrics: Metrics,
): Fields {
  return {
    _aws: {
      Timestamp: timestamp,
      CloudWatchMetrics: [
        {
          Namespace: namespace,
          Dimensions: [Object.keys(dimensions)],
          Metrics: Object.keys(metrics).map((Name) => ({
            Name,
            Unit: Name === 'Duration' ? 'Milliseconds' : 'Count',
          })),
        },
      ],
    },
    ...dimensions,
    ...metrics,
  }
}
