/** What an environment comes to, as data. Pure: templates and settings in, a plan out. */
import { billOf, brokersOf } from '../../cdk/bill.ts'
import type { Bill } from '../../cdk/bill.ts'
import { countOf, inventoryOf } from '../../cdk/inventory.ts'
import type { StackInventory } from '../../cdk/inventory.ts'
import { permissionsOf } from '../../cdk/permissions.ts'
import type { RolePermissions } from '../../cdk/permissions.ts'
import { priceOfMillion } from '../../cdk/record-price.ts'
import type { RecordPrice } from '../../cdk/record-price.ts'
import type { Settings } from '../../cdk/settings.ts'
import type { Synthesized, Warning } from '../../cdk/synthesized.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import type { Circumstances } from '../../operations/guarantee.ts'

export interface EnvironmentPlan {
  readonly name: string
  readonly preset: string
  /** Null: of whoever deploys. */
  readonly region: string | null
  readonly account: string | null
  readonly poller: {
    readonly mode: 'onDemand' | 'provisioned'
    readonly minimum: number | null
    readonly maximum: number | null
    readonly retries: number | null
    readonly maxAgeSeconds: number | null
    readonly bisectOnError: boolean
    /** In words. */
    readonly means: readonly string[]
  }
  /** In the order of deployment. */
  readonly stacks: readonly StackInventory[]
  readonly roles: readonly RolePermissions[]
  readonly bill: Bill
  /** Of each pipeline that was asked for. */
  readonly records: readonly RecordPrice[]
  readonly warnings: readonly Warning[]
}

/** @param pipelines All of the project, since the environment holds them all. */
export function environmentPlan(
  { settings, stacks, warnings }: Synthesized,
  pipelines: readonly Pipeline[],
  asked: readonly Pipeline[],
): EnvironmentPlan {
  const { region, account } = settings
  const made = {
    alarms: countOf(stacks, 'AWS::CloudWatch::Alarm'),
    dashboards: countOf(stacks, 'AWS::CloudWatch::Dashboard'),
  }
  return {
    name: settings.environment,
    preset: settings.preset,
    region: region ?? null,
    account: account ?? null,
    poller: pollerPlan(settings.poller),
    stacks: inventoryOf(stacks),
    roles: permissionsOf(stacks, { region, account }),
    bill: billOf(settings, pipelines, made),
    records: asked.map((pipeline) => priceOfMillion(pipeline, settings)),
    warnings,
  }
}

/** What the guarantee of a pipeline depends on, besides the pipeline. */
export function circumstancesOf(settings: Settings): Circumstances {
  const { replication = Math.min(3, brokersOf(settings)), minInsyncReplicas = replication - 1 } = settings.kafka
  return { polling: settings.poller, minInsyncReplicas }
}

function pollerPlan(poller: Settings['poller']): EnvironmentPlan['poller'] {
  if (poller.mode === 'onDemand')
    return {
      mode: 'onDemand',
      minimum: null,
      maximum: null,
      retries: null,
      maxAgeSeconds: null,
      bisectOnError: false,
      means: [
        'Lambda adds and removes pollers by the lag, looking each minute; at most one a partition, free of charge.',
        'They reach Lambda through the NAT gateway.',
        'A failed batch is sent again until it succeeds; the later records of its partitions wait.',
      ],
    }
  const { mode, minimum, maximum, retries, maxAgeSeconds, bisectOnError } = poller
  return {
    mode,
    minimum,
    maximum,
    retries: retries ?? null,
    maxAgeSeconds: maxAgeSeconds ?? null,
    bisectOnError,
    means: [
      `${minimum} to ${maximum} pollers, at most one a partition, each for up to 5 MB/s; paid by the hour.`,
      `A failed batch is ${bisectOnError ? 'halved and ' : ''}sent again ${retries === undefined ? 'until it succeeds' : `${retries} times at most, then given up`}; the later records of its partitions wait.`,
      maxAgeSeconds === undefined
        ? 'No record is too old to be sent.'
        : `Records older than ${maxAgeSeconds} s are not sent again.`,
    ],
  }
}
