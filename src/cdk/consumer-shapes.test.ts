/** Consumers otherwise set up than the specification, and set up wrongly. */
import type { Stack } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { describe, expect, test } from 'vitest'
import { consumers, kv, lake, reading, sql, told } from '../../test/aws/consumers.ts'
import { allowedTo } from '../../test/aws/policies.ts'
import { worldOf } from '../../test/aws/reachability.ts'
import { emptyFolder, templatesOf } from '../../test/aws/spec-app.ts'
import { text } from '../core/decode/text.ts'
import { pipeline } from '../core/pipeline.ts'
import type { Pipeline } from '../core/pipeline.ts'
import { memory, memoryStore } from '../sinks/memory.ts'
import { postgres } from '../sinks/postgres/index.ts'
import type { SinkDefinition } from '../sinks/sink.ts'
import { OperationsFunction } from './index.ts'
import type { SinkStore } from './index.ts'

describe('other shapes', () => {
  const worldOfOther = (stack: Stack) => worldOf(templatesOf({ stack }))
  const functionsOf = (stack: Stack) => Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'))

  test.each<[string, SinkDefinition, readonly string[]]>([
    ['S3', lake, ['Other/RecordsBucket.Arn', 'Other/RecordsBucket.Arn/a/lake/orders/*']],
    ['DynamoDB', kv, ['Other/TablesOrders.Arn']],
  ])('%s alone: in no VPC, whether there is one or not, with no way to the other stores', (_, sink, own) => {
    const { stack, made } = consumers([reading('a', [sink])], sink === kv ? {} : { network: undefined })
    expect(functionsOf(stack)[0]!['Properties']).not.toHaveProperty('VpcConfig')
    expect(made[0]!.securityGroup).toBeUndefined()
    const stores = allowedTo(worldOfOther(stack), 'Other/aRole')
      .map(({ resource }) => resource)
      .filter((resource) => /Records|Tables|rds-db/.test(resource))
    expect(stores.toSorted()).toEqual(own)
  })

  test('PostgreSQL alone needs the ledger for the poison of late alone, and still puts dead letters', () => {
    const { stack } = consumers([reading('a', [sql])])
    const resources = allowedTo(worldOfOther(stack), 'Other/aRole').map(({ resource }) => resource)
    expect(resources.filter((each) => each.includes('Ledger'))).toEqual(['Other/LedgerTable.Arn'])
    expect(resources.filter((each) => each.includes('DeadLetters'))).toHaveLength(2)
    expect(told(worldOfOther(stack), 'Other/aFunction', 'WEIRHOUSE_BINDINGS')).toHaveProperty('ledger.table')
  })

  test('two sinks of one database are one rule, and two pipelines are two functions of two database roles', () => {
    const twice = [sql, postgres({ id: 'copy', table: 'copies', columns: { id: 'text' } })]
    const { stack } = consumers([reading('a', twice), reading('b-c', twice)])
    const template = Template.fromStack(stack)
    const to5432 = { Properties: { FromPort: 5432 } }
    expect(Object.keys(template.findResources('AWS::EC2::SecurityGroupIngress', to5432))).toHaveLength(2)
    expect(Object.keys(template.findResources('AWS::EC2::SecurityGroupEgress', to5432))).toHaveLength(2)
    template.resourceCountIs('AWS::RDS::DBInstance', 1)
    const users = ['a', 'bc'].map((id) => {
      const all = allowedTo(worldOfOther(stack), `Other/${id}Role`)
      return all
        .filter(({ actions }) => actions.includes('rds-db:connect'))
        .map(({ resource }) => resource.split('/').at(-1))
    })
    expect(users).toEqual([['weirhouse_a'], ['weirhouse_b_c']])
  })

  test('what is given reaches the template', () => {
    const { stack } = consumers([reading('a', [lake], { function: { memoryMb: 1024, timeoutSeconds: 840 } })], {
      consumerGroup: 'prod-a',
      reservedConcurrency: 4,
      metricsNamespace: 'Weirhouse/prod',
      logRetention: RetentionDays.ONE_WEEK,
    })
    const template = Template.fromStack(stack)
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 1024,
      Timeout: 840,
      ReservedConcurrentExecutions: 4,
      Environment: { Variables: { WEIRHOUSE_METRICS_NAMESPACE: 'Weirhouse/prod' } },
    })
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'prod-a' },
    })
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 7 })
    expect(JSON.stringify(allowedTo(worldOfOther(stack), 'Other/aRole'))).toContain('/prod-a"')
  })

  test('a store of another make is bound as it says', () => {
    const store: SinkStore = {
      bind: () => ({ binding: { bucket: 'theirs' }, environment: { THEIRS: '1' }, statements: [], connections: [] }),
    }
    const { stack } = consumers([reading('a', [lake])], { stores: { s3: store } })
    expect(told(worldOfOther(stack), 'Other/aFunction', 'WEIRHOUSE_BINDINGS')).toMatchObject({
      sinks: { lake: { bucket: 'theirs' } },
    })
    expect(functionsOf(stack)[0]!['Properties'].Environment.Variables).toMatchObject({ THEIRS: '1' })
  })
})

describe('mistakes are refused', () => {
  const stored = (environment: Record<string, string>): SinkStore => ({
    bind: () => ({ binding: {}, environment, statements: [], connections: [] }),
  })
  const one =
    (pipeline: Pipeline, more: object = {}) =>
    () =>
      consumers([pipeline], more)

  test.each<[string, () => unknown, RegExp]>([
    [
      'another topic than the pipeline reads',
      one(pipeline({ name: 'a', source: { topic: 'other' }, decode: text(), sinks: [lake] })),
      /TopicConsumer\.topic got "orders", but the pipeline reads from other/,
    ],
    [
      'a sink without a store',
      one(reading('a', [sql]), { stores: {} }),
      /sink "sql" of pipeline "a" is of kind postgres/,
    ],
    ['a sink for tests', one(reading('a', [memory({ id: 'm', store: memoryStore() })])), /is of kind memory/],
    [
      'a database without its network',
      one(reading('a', [sql]), { network: undefined }),
      /TopicConsumer\.network got nothing, but it connects to PostgreSQL/,
    ],
    [
      'a folder without a bundle',
      one(reading('a', [lake]), { codeFolder: emptyFolder }),
      /there is no index\.mjs in it/,
    ],
    [
      'an operations folder without a bundle',
      () => {
        const { stack, network, stores } = consumers([])
        return new OperationsFunction(stack, 'Operations', {
          codeFolder: emptyFolder,
          network,
          database: stores.stores.postgres,
        })
      },
      /OperationsFunction\.codeFolder got .* no index\.mjs/,
    ],
    ['no concurrency', one(reading('a', [lake]), { reservedConcurrency: 0 }), /reservedConcurrency got 0/],
    ['a pattern as group', one(reading('a', [lake]), { consumerGroup: 'a*' }), /group got "a\*"/],
    [
      'stores that want one variable with two values',
      one(reading('a', [lake, kv]), { stores: { s3: stored({ MODE: 'x' }), dynamodb: stored({ MODE: 'y' }) } }),
      /sink "kv" wants it as MODE, which is x already/,
    ],
  ])('%s', (_, make, said) => {
    expect(make).toThrow(said)
    expect(make).toThrow(expect.objectContaining({ code: 'WEIR_CDK_REFUSED' }))
  })
})
