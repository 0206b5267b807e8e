/** What a mapping counts, by AWS's names and rules (E30), in on-demand mode. */
export interface Counters {
  /** Records read from Kafka; again when they are read again. */
  PolledEventCount: number
  /** Records in events the function was invoked with, tries counted one by one. */
  InvokedEventCount: number
  /** Records in events whose invocation failed, tries counted one by one. */
  FailedInvokeEventCount: number
  /** Records that will never be sent (E7). */
  DroppedEventCount: number
  CommittedEventCount: number
  PollingErrorCount: number
  InvokeErrorCount: number
  CommitErrorCount: number
}

export interface MappingMetrics extends Readonly<Counters> {
  readonly MaxOffsetLag: number
  readonly SumOffsetLag: number
  /** By partition: records between what is processed and the end of the log. */
  readonly OffsetLag: Readonly<Record<number, number>>
}

export function newCounters(): Counters {
  return {
    PolledEventCount: 0,
    InvokedEventCount: 0,
    FailedInvokeEventCount: 0,
    DroppedEventCount: 0,
    CommittedEventCount: 0,
    PollingErrorCount: 0,
    InvokeErrorCount: 0,
    CommitErrorCount: 0,
  }
}

export function snapshot(counters: Readonly<Counters>, lag: ReadonlyMap<number, number>): MappingMetrics {
  const lags = [...lag.values()]
  return {
    ...counters,
    MaxOffsetLag: Math.max(0, ...lags),
    SumOffsetLag: lags.reduce((sum, value) => sum + value, 0),
    OffsetLag: Object.fromEntries(lag),
  }
}
