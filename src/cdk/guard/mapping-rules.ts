import { isNotTrue, resources } from './rule.ts'
import type { TemplateRule } from './rule.ts'

/** Mappings that read from Kafka, and those of them that have no pollers of their own. */
const kafka = (...where: readonly string[]) =>
  resources(['AWS::Lambda::EventSourceMapping'], 'Properties.Topics exists', ...where)
const ON_DEMAND = kafka('Properties.ProvisionedPollerConfig !exists')

const PROVISIONED = 'take Poller.provisioned(), which sets ProvisionedPollerConfig, or leave it out'

function onDemand(name: string, what: string, guard: string, why: string): TemplateRule {
  return {
    name: `${name}-on-demand`,
    what: `${what} of a Kafka mapping`,
    got: 'a value',
    why: `${why} only with provisioned pollers`,
    instead: PROVISIONED,
    guard: `${ON_DEMAND} {\n${guard}\n}`,
  }
}

/** AWS Lambda, event source mappings for Kafka: BatchSize and MaximumBatchingWindowInSeconds at most; a function's timeout. */
const LIMITS = { batch: 10_000, windowSeconds: 300, timeoutSeconds: 840 }

export const mappingRules: readonly TemplateRule[] = [
  onDemand(
    'retries',
    'MaximumRetryAttempts',
    'Properties.MaximumRetryAttempts !exists <<>>',
    'the service counts retries',
  ),
  onDemand(
    'age',
    'MaximumRecordAgeInSeconds',
    'Properties.MaximumRecordAgeInSeconds !exists <<>>',
    'the service looks at the age of records',
  ),
  onDemand(
    'bisect',
    'BisectBatchOnFunctionError',
    isNotTrue('Properties.BisectBatchOnFunctionError'),
    'the service halves a batch',
  ),
  onDemand(
    'partial-responses',
    'FunctionResponseTypes',
    'Properties.FunctionResponseTypes !exists or Properties.FunctionResponseTypes empty <<>>',
    'the service reads which records failed',
  ),
  onDemand(
    'schema-registry',
    'SchemaRegistryConfig',
    'Properties.AmazonManagedKafkaEventSourceConfig.SchemaRegistryConfig !exists <<>>',
    'the service asks a schema registry',
  ),
  {
    ...onDemand('destination', 'DestinationConfig', 'Properties.DestinationConfig.OnFailure !exists <<>>', ''),
    why: 'a batch is then given up after ten retries, a number that only provisioned pollers can change',
    instead: 'leave it out: records that a pipeline cannot take go to its dead letters',
  },
  {
    name: 'batch-size',
    what: 'BatchSize of a Kafka mapping',
    got: `more than ${LIMITS.batch}`,
    why: `the service takes ${LIMITS.batch} at most`,
    instead: `give 1 to ${LIMITS.batch}`,
    guard: `${kafka('Properties.BatchSize is_int')} {
  Properties.BatchSize <= ${LIMITS.batch} <<>>
}`,
  },
  {
    name: 'batch-window',
    what: 'MaximumBatchingWindowInSeconds of a Kafka mapping',
    got: `more than ${LIMITS.windowSeconds}`,
    why: `the service waits ${LIMITS.windowSeconds} seconds at most`,
    instead: `give 0 to ${LIMITS.windowSeconds}`,
    guard: `${kafka('Properties.MaximumBatchingWindowInSeconds is_int')} {
  Properties.MaximumBatchingWindowInSeconds <= ${LIMITS.windowSeconds} <<>>
}`,
  },
  {
    name: 'consumer-group',
    what: 'ConsumerGroupId of a Kafka mapping',
    got: 'nothing',
    why: 'a mapping made anew would then read as another group, from another place, and no grant could name it',
    instead: 'give the group a name',
    guard: `${kafka('Properties.AmazonManagedKafkaEventSourceConfig.ConsumerGroupId !exists')} {
  Properties.SelfManagedKafkaEventSourceConfig.ConsumerGroupId exists <<>>
}`,
    shows: 'Properties.AmazonManagedKafkaEventSourceConfig.ConsumerGroupId',
  },
  {
    name: 'function-timeout',
    what: 'Timeout of a function that a Kafka mapping invokes',
    got: `more than ${LIMITS.timeoutSeconds}`,
    why: 'the mapping waits 14 minutes at most',
    instead: `give ${LIMITS.timeoutSeconds} or less`,
    guard: `let all = Resources
${['Ref', `'Fn::GetAtt'[0]`].map(timeoutBehind).join('\n')}`,
  },
]

/** The function that a mapping of the same template points at. Within a block only what was named before reaches the rest. */
function timeoutBehind(pointer: string): string {
  return `${kafka(`Properties.FunctionName.${pointer} exists`)} {
  let name = Properties.FunctionName.${pointer}
  let timeout = %all.%name.Properties.Timeout
  when %timeout is_int { %timeout <= ${LIMITS.timeoutSeconds} <<>> }
}`
}
