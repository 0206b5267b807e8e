/** What an observation makes of alarms and graphs, on the stack as synthesized. */
import { Stack } from 'aws-cdk-lib'
import { Match, Template } from 'aws-cdk-lib/assertions'
import { ComparisonOperator, Metric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { describe, expect, test } from 'vitest'
import { testApp } from '../../test/aws/spec-app.ts'
import { Observation } from './index.ts'
import type { AlarmSpec, GraphSpec, Observable, ObservationProps } from './index.ts'

const metric = (metricName: string) => new Metric({ namespace: 'Test', metricName, statistic: 'Maximum' })
const alarm = (id: string, more: Partial<AlarmSpec> = {}): AlarmSpec => ({
  id,
  metric: metric(id),
  threshold: 5,
  text: `${id} is high`,
  ...more,
})
const graph = (title: string): GraphSpec => ({ title, left: [metric(title)] })
const observable = (alarms: readonly AlarmSpec[], graphs: readonly GraphSpec[] = []): Observable => ({ alarms, graphs })
const stream: ObservationProps['watched'][number] = {
  name: 'Stream',
  observable: observable([alarm('Disk'), alarm('Cpu')], ['a', 'b', 'c', 'd'].map(graph)),
}

function observed(props: Partial<ObservationProps> = {}): Template {
  const stack = new Stack(testApp(), 'Observe')
  new Observation(stack, 'Observation', { name: 'weirhouse-test', watched: [stream], ...props })
  return Template.fromStack(stack)
}

const ALARM = 'AWS::CloudWatch::Alarm'
const TOPIC = 'AWS::SNS::Topic'
const DASHBOARD = 'AWS::CloudWatch::Dashboard'

interface Widget {
  readonly type: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly properties: { readonly title?: string; readonly markdown?: string; readonly alarms?: readonly string[] }
}

/** The widgets of the one dashboard; what is known at deployment alone is left out of its text. */
function widgetsOf(template: Template): Widget[] {
  const [dashboard] = Object.values(template.findResources(DASHBOARD))
  const body = dashboard!['Properties'].DashboardBody as string | { 'Fn::Join': [string, unknown[]] }
  const text =
    typeof body === 'string' ? body : body['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : '')).join('')
  return (JSON.parse(text) as { widgets: Widget[] }).widgets
}

describe('alarms', () => {
  test('say what it means, are named by CloudFormation, and go to the one topic', () => {
    const template = observed()
    template.resourceCountIs(TOPIC, 1)
    template.hasResourceProperties(ALARM, {
      AlarmName: Match.absent(),
      AlarmDescription: 'Disk is high',
      MetricName: 'Disk',
      Statistic: 'Maximum',
      Threshold: 5,
      ComparisonOperator: 'GreaterThanOrEqualToThreshold',
      EvaluationPeriods: 1,
      TreatMissingData: 'notBreaching',
      AlarmActions: [{ Ref: Object.keys(template.findResources(TOPIC))[0] }],
    })
  })

  test('take comparison, periods and what silence means from their specification', () => {
    const spec = {
      comparison: ComparisonOperator.LESS_THAN_THRESHOLD,
      periods: 3,
      missing: TreatMissingData.IGNORE,
    }
    observed({ watched: [{ name: 'Stream', observable: observable([alarm('Low', spec)]) }] }).hasResourceProperties(
      ALARM,
      {
        ComparisonOperator: 'LessThanThreshold',
        EvaluationPeriods: 3,
        TreatMissingData: 'ignore',
      },
    )
  })

  test('one more, in front or of another name, changes no other', () => {
    const before = observed().findResources(ALARM)
    const more = observed({
      watched: [
        { name: 'Network', observable: observable([alarm('Disk')]) },
        { name: 'Stream', observable: observable([alarm('Topics'), ...stream.observable.alarms]) },
      ],
    }).findResources(ALARM)
    expect(Object.keys(more)).toHaveLength(4)
    expect(more).toMatchObject(before)
  })

  test('names that run together stay apart', () => {
    const watched = [
      { name: 'A-B', observable: observable([alarm('C')]) },
      { name: 'AB', observable: observable([alarm('C')]) },
      { name: 'A', observable: observable([alarm('BC')]) },
    ]
    observed({ watched }).resourceCountIs(ALARM, 3)
  })
})

describe('the topic', () => {
  test('takes publishing by TLS alone, from alarms of this account and region', () => {
    const template = observed()
    const [Ref] = Object.keys(template.findResources(TOPIC))
    const publish = { Action: 'sns:Publish', Resource: { Ref } }
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: [
          {
            ...publish,
            Sid: Match.anyValue(),
            Effect: 'Deny',
            Principal: '*',
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
          {
            ...publish,
            Sid: Match.anyValue(),
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Condition: {
              StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } },
              ArnLike: { 'aws:SourceArn': { 'Fn::Join': ['', Match.arrayWith([':cloudwatch:', ':alarm:*'])] } },
            },
          },
        ],
      },
      Topics: [{ Ref }],
    })
    template.hasResourceProperties(TOPIC, { KmsMasterKeyId: Match.absent(), DisplayName: 'weirhouse-test' })
    template.hasOutput('*', { Value: { Ref } })
  })

  test('tells an address where one is given', () => {
    observed().resourceCountIs('AWS::SNS::Subscription', 0)
    const told = { Protocol: 'email', Endpoint: 'ops@example.com' }
    observed({ email: 'ops@example.com' }).hasResourceProperties('AWS::SNS::Subscription', told)
  })
})

describe('the dashboard', () => {
  test('shows the state of every alarm, then each name over its graphs, three in a row', () => {
    const access = { name: 'Access', observable: observable([alarm('Status')], [graph('e')]) }
    const template = observed({ watched: [stream, access, { name: 'Quiet', observable: observable([alarm('Q')]) }] })
    template.hasResourceProperties(DASHBOARD, { DashboardName: 'weirhouse-test' })
    const widgets = widgetsOf(template)
    expect(widgets[0]!.properties.alarms).toHaveLength(4)
    const shown = widgets.map(({ type, x, properties }) => [type, x, properties.title ?? properties.markdown])
    expect(shown).toEqual([
      ['alarm', 0, 'Alarms'],
      ['text', 0, '## Stream'],
      ['metric', 0, 'a'],
      ['metric', 8, 'b'],
      ['metric', 16, 'c'],
      ['metric', 0, 'd'],
      ['text', 0, '## Access'],
      ['metric', 0, 'e'],
    ])
    const cells = widgets.flatMap(({ x, y, width, height }) =>
      Array.from({ length: width * height }, (_, i) => `${x + (i % width)},${y + Math.floor(i / width)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(widgets.every(({ x, width }) => x + width <= 24)).toBe(true)
  })

  test('shows a hundred alarms in one widget, which is all it takes', () => {
    const alarms = Array.from({ length: 101 }, (_, i) => alarm(`A${i}`))
    const widgets = widgetsOf(observed({ watched: [{ name: 'Many', observable: observable(alarms) }] }))
    expect(widgets.map(({ properties }) => properties.alarms!.length)).toEqual([100, 1])
  })
})

describe('either can be left out', () => {
  test('without alarms: graphs alone, and no topic', () => {
    const template = observed({ alarms: false })
    for (const type of [ALARM, TOPIC, 'AWS::SNS::TopicPolicy']) template.resourceCountIs(type, 0)
    expect(widgetsOf(template).map(({ type }) => type)).not.toContain('alarm')
  })

  test('without a dashboard: the same alarms', () => {
    const template = observed({ dashboard: false })
    template.resourceCountIs(DASHBOARD, 0)
    expect(template.findResources(ALARM)).toEqual(observed().findResources(ALARM))
  })

  test('without either: nothing', () => {
    expect(observed({ alarms: false, dashboard: false }).toJSON()['Resources'] ?? {}).toEqual({})
  })
})

describe('mistakes are refused', () => {
  const twice = (name: string, ...ids: string[]) => ({ name, observable: observable(ids.map((id) => alarm(id))) })
  test.each<[string, Partial<ObservationProps>, RegExp]>([
    [
      'two of one name',
      { watched: [stream, stream] },
      /Observation\.watched got "Stream", but there are two of this name/,
    ],
    [
      'two alarms of one id',
      { watched: [twice('Kafka', 'Disk', 'Disk')] },
      /watched "Kafka" got "Disk", but there are two/,
    ],
    [
      'two of one name, though nothing is made',
      { watched: [stream, stream], alarms: false, dashboard: false },
      /two of/,
    ],
    ['a name that is a path', { watched: [twice('a/b', 'Disk')] }, /watched got "a\/b", but it is no name/],
    ['an id of two words', { watched: [twice('Kafka', 'Disk full')] }, /got "Disk full", but it is no alarm id/],
    ['an empty id', { watched: [twice('Kafka', '')] }, /got "", but it is no alarm id/],
    ['a name that no dashboard takes', { name: 'weirhouse prod' }, /Observation\.name got "weirhouse prod"/],
    ['what is no address', { email: 'nobody' }, /Observation\.email got "nobody", but it is no address/],
    ['an address without alarms', { email: 'ops@example.com', alarms: false }, /email got .* nothing to tell/],
    [
      'a text that no alarm holds',
      { watched: [{ name: 'Kafka', observable: observable([alarm('Disk', { text: 'x'.repeat(1025) })]) }] },
      /text of alarm "Disk" got .*, but it has 1025 characters/,
    ],
  ])('%s', (_, props, said) => {
    expect(() => observed(props)).toThrow(said)
    expect(() => observed(props)).toThrow(expect.objectContaining({ code: 'WEIR_CDK_REFUSED' }))
  })
})
