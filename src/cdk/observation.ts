import { ArnFormat, CfnOutput, Stack } from 'aws-cdk-lib'
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import * as iam from 'aws-cdk-lib/aws-iam'
import * as sns from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { AlarmSpec, GraphSpec, Observable } from './observable.ts'
import { refuse } from './refuse.ts'

export interface Watched {
  /** Unique within the observation, in words of letters, digits and hyphens: a heading of the dashboard, and part of logical ids. */
  readonly name: string
  readonly observable: Observable
}

export interface ObservationProps {
  /** The dashboard's name, and the sender's in mails: letters, digits, hyphens and underscores, 100 at most. */
  readonly name: string
  readonly watched: readonly Watched[]
  /**
   * Whether there are alarms, and a topic of Amazon SNS that they go to.
   * @default true
   */
  readonly alarms?: boolean
  /**
   * Whether there is a dashboard.
   * @default true
   */
  readonly dashboard?: boolean
  /**
   * Who is told of alarms, once they have confirmed it.
   * @default nobody: subscribe to the topic
   */
  readonly email?: string
}

const NAME = /^[A-Za-z0-9_-]{1,100}$/
const WATCHED_NAME = /^[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*$/
const ALARM_ID = /^[A-Za-z0-9]+$/
const EMAIL = /^[^\s@]+@[^\s@]+$/
/** PutMetricAlarm, AlarmDescription. */
const MAX_TEXT = 1024
/** CloudWatch, "Dashboard body structure and syntax": ARNs that a widget of alarms takes; columns of the grid. */
const MAX_ALARMS_A_WIDGET = 100
const COLUMNS = 24
const GRAPHS_A_ROW = 3
const GRAPH_HEIGHT = 6
const ALARMS_A_ROW = 6

/**
 * Makes what constructs have to tell: an alarm of each alarm, and one dashboard with the state of all of them and every graph.
 * Alarms are named by CloudFormation after the names here, and one more changes no other.
 */
export class Observation extends Construct {
  readonly alarms: readonly cloudwatch.Alarm[]
  /** Where alarms go. Undefined where there are none. */
  readonly topic: sns.Topic | undefined
  readonly dashboard: cloudwatch.Dashboard | undefined

  constructor(scope: Construct, id: string, props: ObservationProps) {
    super(scope, id)
    const { watched, alarms = true, dashboard = true } = props
    check(props, alarms)
    this.topic = alarms ? this.#topic(props) : undefined
    this.alarms = this.topic ? this.#alarms(watched, new SnsAction(this.topic)) : []
    this.dashboard = dashboard ? this.#dashboard(props) : undefined
  }

  /**
   * Takes publishing by TLS alone. It has no key of KMS: CloudWatch may not use the one that AWS keeps for SNS, and alarms would
   * vanish without a word. A policy replaces the one that a topic is born with, so it names who publishes: alarms of here.
   */
  #topic({ name, email }: ObservationProps): sns.Topic {
    const topic = new sns.Topic(this, 'Topic', { displayName: name, enforceSSL: true })
    const stack = Stack.of(this)
    const alarms = {
      service: 'cloudwatch',
      resource: 'alarm',
      resourceName: '*',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }
    topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Alarms',
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': stack.account },
          ArnLike: { 'aws:SourceArn': stack.formatArn(alarms) },
        },
      }),
    )
    if (email !== undefined) topic.addSubscription(new EmailSubscription(email))
    new CfnOutput(this, 'AlarmTopic', { value: topic.topicArn })
    return topic
  }

  #alarms(watched: readonly Watched[], action: SnsAction): cloudwatch.Alarm[] {
    const under = new Construct(this, 'Alarms')
    return watched.flatMap(({ name, observable }) => {
      const scope = new Construct(under, name)
      return observable.alarms.map((spec) => {
        const alarm = alarmOf(scope, spec)
        alarm.addAlarmAction(action)
        return alarm
      })
    })
  }

  #dashboard({ name, watched }: ObservationProps): cloudwatch.Dashboard {
    const rows = watched.flatMap((each) => section(each))
    const widgets = [...states(this.alarms).map((widget) => [widget]), ...rows]
    return new cloudwatch.Dashboard(this, 'Dashboard', { dashboardName: name, widgets })
  }
}

function alarmOf(scope: Construct, spec: AlarmSpec): cloudwatch.Alarm {
  return new cloudwatch.Alarm(scope, spec.id, {
    metric: spec.metric,
    threshold: spec.threshold,
    comparisonOperator: spec.comparison ?? cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    evaluationPeriods: spec.periods ?? 1,
    treatMissingData: spec.missing ?? cloudwatch.TreatMissingData.NOT_BREACHING,
    alarmDescription: spec.text,
  })
}

/** Those in alarm first. */
function states(alarms: readonly cloudwatch.Alarm[]): cloudwatch.AlarmStatusWidget[] {
  return chunks(alarms, MAX_ALARMS_A_WIDGET).map(
    (some) =>
      new cloudwatch.AlarmStatusWidget({
        title: 'Alarms',
        alarms: [...some],
        sortBy: cloudwatch.AlarmStatusWidgetSortBy.STATE_UPDATED_TIMESTAMP,
        width: COLUMNS,
        height: 1 + Math.ceil(some.length / ALARMS_A_ROW),
      }),
  )
}

/** A heading over its graphs, some in each row. */
function section({ name, observable }: Watched): cloudwatch.IWidget[][] {
  if (observable.graphs.length === 0) return []
  const heading = new cloudwatch.TextWidget({ markdown: `## ${name}`, width: COLUMNS, height: 1 })
  return [[heading], ...chunks(observable.graphs, GRAPHS_A_ROW).map((some) => some.map((graph) => graphOf(graph)))]
}

function graphOf({ title, left, right = [] }: GraphSpec): cloudwatch.GraphWidget {
  const width = COLUMNS / GRAPHS_A_ROW
  return new cloudwatch.GraphWidget({ title, left: [...left], right: [...right], width, height: GRAPH_HEIGHT })
}

function chunks<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))
}

function check({ name, watched, email }: ObservationProps, alarms: boolean): void {
  if (!NAME.test(name))
    refuse({
      what: 'Observation.name',
      got: name,
      why: 'a dashboard is named by letters, digits, hyphens and underscores, here 100 at most',
      instead: 'write it like weirhouse-prod',
    })
  if (email !== undefined) checkEmail(email, alarms)
  distinct(
    'Observation.watched',
    'name',
    WATCHED_NAME,
    watched.map((each) => each.name),
  )
  for (const each of watched) {
    const what = `Observation.watched "${each.name}"`
    distinct(
      what,
      'alarm id',
      ALARM_ID,
      each.observable.alarms.map((alarm) => alarm.id),
    )
    for (const { id, text } of each.observable.alarms)
      if (text.length > MAX_TEXT)
        refuse({
          what: `${what}, text of alarm "${id}"`,
          got: `${text.slice(0, 20)}...`,
          why: `it has ${text.length} characters`,
          instead: `give ${MAX_TEXT} at most`,
        })
  }
}

function checkEmail(email: string, alarms: boolean): void {
  if (!alarms)
    refuse({
      what: 'Observation.email',
      got: email,
      why: 'without alarms there is nothing to tell',
      instead: 'leave it out, or give alarms: true',
    })
  if (!EMAIL.test(email))
    refuse({ what: 'Observation.email', got: email, why: 'it is no address', instead: 'write it like ops@example.com' })
}

/** Names become logical ids: two of one name would be one resource. */
function distinct(what: string, kind: string, pattern: RegExp, names: readonly string[]): void {
  for (const [i, name] of names.entries()) {
    if (!pattern.test(name))
      refuse({
        what,
        got: name,
        why: `it is no ${kind}, of which logical ids are made`,
        instead: 'use letters and digits',
      })
    if (names.indexOf(name) !== i)
      refuse({ what, got: name, why: `there are two of this ${kind}`, instead: `give each its own ${kind}` })
  }
}
