/** Mistakes that only a template shows, planted one at a time in one that is clean. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack, Stage, Validations } from 'aws-cdk-lib'
import { CfnEventSourceMapping } from 'aws-cdk-lib/aws-lambda'
import { afterAll, describe, expect, test } from 'vitest'
import { cleanResources } from './clean-template.ts'
import { specApp, testApp } from './spec-app.ts'
import { KafkaCluster, KafkaVersion, Network } from '../../src/cdk/index.ts'
import { guardRules, templateRules } from '../../src/cdk/guard-rules.ts'
import type { TemplateResource, TemplateValue } from '../../src/cdk/synthesized.ts'
import { TemplateChecks, checkTemplates } from '../../src/cdk/template-checks.ts'

type Resources = Readonly<Record<string, TemplateResource>>

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-template-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const checks = new TemplateChecks()
const app = new App({ outdir: join(folder, 'app') })

/** What is found in a template: rule and message, one line each. */
function findings(resources: Resources): string[] {
  const templatePath = join(folder, 'planted.template.json')
  writeFileSync(templatePath, JSON.stringify({ Resources: resources }))
  const stack = { stackConstructPath: 'Planted', templatePath, accountId: undefined, region: undefined }
  const report = checks.validate({ templatePaths: [templatePath], stackTemplates: [stack], appConstruct: app })
  return report.violations.map(({ ruleName, description }) => `${ruleName}: ${description}`)
}

/** The clean template with one value set, or taken out where none is given. */
function planted(path: string, value?: TemplateValue): Resources {
  const [resource, ...keys] = path.split('.') as [string, ...string[]]
  const copy = structuredClone(cleanResources) as Record<string, { Properties: Record<string, TemplateValue> }>
  let at = copy[resource]!.Properties
  for (const key of keys.slice(0, -1)) at = (at[key] ??= {}) as Record<string, TemplateValue>
  const last = keys.at(-1)!
  if (value === undefined) delete at[last]
  else at[last] = value
  return copy as unknown as Resources
}

/** Rule, where it is planted, what is planted (nothing: taken out), what the message says. */
const mistakes: readonly (readonly [rule: string, path: string, value: TemplateValue | undefined, said: RegExp])[] = [
  ['retries-on-demand', 'Mapping.MaximumRetryAttempts', 3, /MaximumRetryAttempts .* got 3, .*provisioned/],
  ['age-on-demand', 'Mapping.MaximumRecordAgeInSeconds', 3600, /got 3600, .*provisioned/],
  ['bisect-on-demand', 'Mapping.BisectBatchOnFunctionError', true, /got true, .*halves a batch only with provisioned/],
  [
    'partial-responses-on-demand',
    'Mapping.FunctionResponseTypes',
    ['ReportBatchItemFailures'],
    /got \["ReportBatchItemFailures"\], .*provisioned/,
  ],
  [
    'schema-registry-on-demand',
    'Mapping.AmazonManagedKafkaEventSourceConfig.SchemaRegistryConfig',
    { EventRecordFormat: 'JSON' },
    /got \{"EventRecordFormat":"JSON"\}, .*provisioned/,
  ],
  [
    'destination-on-demand',
    'Mapping.DestinationConfig',
    { OnFailure: { Destination: 'kafka://failed' } },
    /kafka:\/\/failed.* given up after ten retries.*Instead, leave it out: .*dead letters/,
  ],
  ['batch-size', 'Mapping.BatchSize', 10_001, /BatchSize .* got 10001, .*Instead, give 1 to 10000\./],
  ['batch-window', 'Mapping.MaximumBatchingWindowInSeconds', 301, /got 301, .*Instead, give 0 to 300\./],
  [
    'consumer-group',
    'Mapping.AmazonManagedKafkaEventSourceConfig',
    undefined,
    /got nothing, .*Instead, give the group/,
  ],
  ['function-timeout', 'Function.Timeout', 900, /got 900, .*14 minutes.*Instead, give 840 or less/],
  ['kafka-version', 'Cluster.KafkaVersion', '2.8.1', /got "2\.8\.1", .*Instead, take 4\.1\.x\.kraft\./],
  ['kafka-version', 'Cluster.KafkaVersion', '3.8.x', /got "3\.8\.x", .*3\.9\.x, .*for new clusters/],
  ['kafka-brokers-per-zone', 'Cluster.NumberOfBrokerNodes', 3, /got 3, .*Instead, give a multiple/],
  [
    'kafka-public',
    'Cluster.BrokerNodeGroupInfo.ConnectivityInfo.PublicAccess.Type',
    'SERVICE_PROVIDED_EIPS',
    /got "SERVICE_PROVIDED_EIPS", .*Instead, give DISABLED/,
  ],
  [
    'kafka-iam',
    'Cluster.ClientAuthentication.Sasl',
    { Scram: { Enabled: true } },
    /got \{"Scram".*Instead, give \{ Ena/,
  ],
  [
    'kafka-unauthenticated',
    'Cluster.ClientAuthentication.Unauthenticated.Enabled',
    true,
    /got true, but whoever reaches/,
  ],
  [
    'kafka-plaintext',
    'Cluster.EncryptionInfo.EncryptionInTransit.ClientBroker',
    'TLS_PLAINTEXT',
    /got "TLS_PLAINTEXT", .*Instead, give ClientBroker: 'TLS'/,
  ],
  ['kafka-plaintext', 'Cluster.EncryptionInfo.EncryptionInTransit.InCluster', false, /got false, but records would/],
  ['kafka-configuration', 'Cluster.ConfigurationInfo', undefined, /ConfigurationInfo .* got nothing, .*defaults/],
  [
    'kafka-auto-create',
    'Configuration.ServerProperties',
    'unclean.leader.election.enable=false\nauto.create.topics.enable = true\n',
    /got auto\.create\.topics\.enable=true, .*Instead, write auto\.create\.topics\.enable=false/,
  ],
  [
    'kafka-unclean-election',
    'Configuration.ServerProperties',
    'auto.create.topics.enable=false',
    /got no unclean\.leader\.election\.enable=false, .*lost/,
  ],
  [
    'kafka-insync',
    'Configuration.ServerProperties',
    'unclean.leader.election.enable=false\nmin.insync.replicas=3\ndefault.replication.factor=3',
    /min\.insync\.replicas no less .*Instead, write .* one less/,
  ],
  [
    'kafka-insync',
    'Configuration.ServerProperties',
    'default.replication.factor = 2\nmin.insync.replicas = 10\nunclean.leader.election.enable=false',
    /writing would stop/,
  ],
  ['topic-replication', 'Topic.ReplicationFactor', 3, /ReplicationFactor .* got 3, .*a broker of its own/],
  ['topic-one-copy', 'Topic.ReplicationFactor', 1, /got 1, .*Instead, give 2 or 3/],
  ['open-to-all', 'Group.SecurityGroupIngress.0.CidrIp', '0.0.0.0/0', /got "0\.0\.0\.0\/0", .*203\.0\.113\.7\/32/],
  ['open-to-all', 'Group.SecurityGroupIngress.0.CidrIpv6', '::/0', /got "::\/0", but the whole internet/],
  ['open-to-all', 'GroupRule.CidrIp', '0.0.0.0/0', /got "0\.0\.0\.0\/0", .*Instead, name the range/],
  ['database-public', 'Database.PubliclyAccessible', true, /got true, .*address on the internet/],
  ['database-unencrypted', 'Database.StorageEncrypted', undefined, /got nothing, .*in the clear/],
  ['database-password', 'Database.ManageMasterUserPassword', false, /got false, .*no MasterUserPassword/],
  ['database-iam', 'Database.EnableIAMDatabaseAuthentication', undefined, /got nothing, .*by its role/],
  ['bucket-public', 'Bucket.PublicAccessBlockConfiguration', undefined, /got nothing, .*on the internet/],
  ['bucket-public', 'Bucket.PublicAccessBlockConfiguration.BlockPublicPolicy', false, /"BlockPublicPolicy":false/],
  ['table-recovery', 'Table.PointInTimeRecoverySpecification', undefined, /got nothing, .*would be gone/],
  ['wildcard-action', 'Policy.PolicyDocument.Statement.0.Action', '*', /Action .* got "\*", .*Instead, name each/],
  ['wildcard-action', 'Policy.PolicyDocument.Statement.0.Action.1', 's3:Get*', /got .*"s3:Get\*"/],
  ['wildcard-action', 'Policy.PolicyDocument.Statement.0.NotAction', 's3:*', /got "s3:\*", .*from its first day/],
  ['wildcard-action', 'Role.Policies.0.PolicyDocument.Statement.0.Action', ['s3:*'], /got \["s3:\*"\]/],
  ['log-retention', 'Log.RetentionInDays', undefined, /got nothing, .*without end/],
]

describe('a template', () => {
  test('without a mistake has no finding, with or without resources', () => {
    expect(findings(cleanResources)).toEqual([])
    expect(findings({})).toEqual([])
    expect(findings({ Alone: { Type: 'AWS::SNS::Topic' } })).toEqual([])
  })

  test.each(mistakes)('%s: %s = %j', (rule, path, value, said) => {
    const found = findings(planted(path, value))
    const [line] = found
    expect([...new Set(found.map((each) => each.split(':')[0]))]).toEqual([rule])
    expect(line).toMatch(/ got .*, but .*\. Instead, .*\.$/)
    expect(line).toMatch(said)
  })

  test('every rule has a mistake that it finds', () => {
    expect([...new Set(mistakes.map(([rule]) => rule))].sort()).toEqual(templateRules.map(({ name }) => name).sort())
  })

  test('provisioned pollers may have what on-demand ones may not', () => {
    const { Mapping, ...rest } = cleanResources
    const onDemandAlone = mistakes.filter(([rule]) => rule.endsWith('-on-demand'))
    const settings = Object.fromEntries(onDemandAlone.map(([, path, value]) => [path.split('.')[1]!, value!]))
    const Properties = { ...Mapping!.Properties, ...settings, ProvisionedPollerConfig: { MinimumPollers: 1 } }
    const group = { AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'orders', SchemaRegistryConfig: {} } }
    expect(Object.keys(settings)).toHaveLength(6)
    expect(findings({ ...rest, Mapping: { ...Mapping!, Properties: { ...Properties, ...group } } })).toEqual([])
  })

  test('odd shapes and what only a deployment knows are passed over, and stop nothing', () => {
    const unknown = { Ref: 'Parameter' }
    const odd = [undefined, {}, unknown, [], 'text', 7, null] as const
    // One template an odd value: every property of every resource has it once.
    for (const value of odd) {
      const shapes = Object.entries(cleanResources).flatMap(([id, { Properties = {} }]) =>
        Object.keys(Properties).map((key) => [`${id}${key}`, planted(`${id}.${key}`, value)[id]!] as const),
      )
      expect(shapes.length).toBeGreaterThan(45)
      expect(() => findings({ ...cleanResources, ...Object.fromEntries(shapes) }), JSON.stringify(value)).not.toThrow()
    }
    const bare = Object.entries(cleanResources).map(([id, { Type }]) => [id, { Type }] as const)
    expect(() => findings(Object.fromEntries(bare))).not.toThrow()
    for (const path of [
      'Mapping.BatchSize',
      'Function.Timeout',
      'Cluster.KafkaVersion',
      'Cluster.NumberOfBrokerNodes',
      'Topic.ReplicationFactor',
      'Configuration.ServerProperties',
      'GroupRule.CidrIp',
      'Database.StorageEncrypted',
    ])
      expect(findings(planted(path, unknown)), path).toEqual([])
  })
})

describe('a synthesis', () => {
  const mapping = (stack: Stack) =>
    new CfnEventSourceMapping(stack, 'Mapping', {
      functionName: 'orders',
      topics: ['orders'],
      maximumRetryAttempts: 3,
      amazonManagedKafkaEventSourceConfig: { consumerGroupId: 'orders' },
    })

  test('of the specification has no finding', () => {
    const spec = specApp().app
    checkTemplates(spec)
    expect(() => spec.synth()).not.toThrow()
  })

  test('with a mistake fails and says so, until it is acknowledged', () => {
    const build = () => {
      const planting = testApp()
      checkTemplates(planting)
      return { planting, made: mapping(new Stack(planting, 'Process')) }
    }
    expect(() => build().planting.synth()).toThrow(/MaximumRetryAttempts .* got 3, .*\n.*Process\/Mapping/)
    const { planting, made } = build()
    Validations.of(made).acknowledge({ id: 'weirhouse::retries-on-demand', reason: 'a test' })
    expect(() => planting.synth()).not.toThrow()
  })

  test('of Kafka past support by name goes on: that is how one asks for it', () => {
    const asked = testApp()
    checkTemplates(asked)
    const stack = new Stack(asked, 'Stream')
    const version = KafkaVersion.pastSupport('3.5.1')
    new KafkaCluster(stack, 'Kafka', { network: new Network(stack, 'Network'), version })
    expect(() => asked.synth()).not.toThrow()
  })

  test('of a stage is held to them by itself', () => {
    const planting = testApp()
    const stage = new Stage(planting, 'Production')
    checkTemplates(stage)
    mapping(new Stack(planting, 'Unchecked'))
    mapping(new Stack(stage, 'Process'))
    expect(() => planting.synth()).toThrow(/Production\/Process\/Mapping/)
    expect(() => planting.synth()).not.toThrow(/Unchecked/)
  })
})

test('each rule is a file of Guard by itself, with what, got and do in its message', () => {
  expect(guardRules).toHaveLength(templateRules.length)
  for (const { name, content } of guardRules) {
    expect(content).toMatch(new RegExp(`^rule ${name} when `))
    expect(content).toMatch(/<<.* got .*, but .*\. Instead, .*\.>>/)
    expect(content).not.toContain('<<>>')
  }
})
