import { expect, test } from 'vitest'
import { WeirError } from '../../core/errors.ts'
import type { MappingState } from '../../event-source/mapping.ts'
import { mappingSettings } from '../../event-source/settings.ts'
import { answerMappings } from './mappings-http.ts'
import type { MappingChange } from './mappings-http.ts'

const ROOT = '/2015-03-31/event-source-mappings'

function controlOf(states: readonly MappingState[]) {
  const changed: [string, MappingChange][] = []
  const list = () =>
    states.map((state, i) => ({
      settings: mappingSettings({
        uuid: `u${i}`,
        functionName: `f${i % 2}`,
        topics: ['t'],
        ...(i === 0
          ? { eventSourceArn: 'arn:c' }
          : { startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 1500 }),
      }),
      state,
      lastProcessingResult: 'OK',
      lastModified: 1_700_000_000_500,
    }))
  const change = (uuid: string, wanted: MappingChange) => {
    if (wanted.batchSize === 0) throw new WeirError('WEIR_MAPPING_INVALID', { reason: 'too small' })
    changed.push([uuid, wanted])
  }
  return { changed, list, change }
}

const control = controlOf(['Enabled', 'Disabled', 'Enabling'])
const ask = (method: string, path: string, body = '') =>
  answerMappings(control, method, path, () => Promise.resolve(body))
const uuids = async (path: string) => {
  const { body } = (await ask('GET', path)) as {
    body: { EventSourceMappings: { UUID: string }[]; NextMarker?: string }
  }
  return [body.EventSourceMappings.map(({ UUID }) => UUID), body.NextMarker]
}

test('E29: a mapping has the words and the units of the Lambda API', async () => {
  expect(await ask('GET', `${ROOT}/u0`)).toEqual({
    status: 200,
    body: {
      UUID: 'u0',
      EventSourceMappingArn: 'arn:aws:lambda:us-east-1:000000000000:event-source-mapping:u0',
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 100,
      EventSourceArn: 'arn:c',
      FunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f0',
      LastModified: 1_700_000_000,
      LastProcessingResult: 'OK',
      State: 'Enabled',
      StateTransitionReason: 'USER_INITIATED',
      Topics: ['t'],
      AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: 'u0' },
    },
  })
  expect(await ask('GET', `${ROOT}/u1`)).toMatchObject({
    body: { StartingPositionTimestamp: 1.5, SelfManagedKafkaEventSourceConfig: { ConsumerGroupId: 'u1' } },
  })
})

test.each<[string, string[], string | undefined]>([
  ['', ['u0', 'u1', 'u2'], undefined],
  ['/', ['u0', 'u1', 'u2'], undefined],
  ['?FunctionName=f0', ['u0', 'u2'], undefined],
  ['?FunctionName=arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af1', ['u1'], undefined],
  ['?EventSourceArn=arn%3Ac', ['u0'], undefined],
  ['?EventSourceArn=arn%3Ad', [], undefined],
  ['?MaxItems=2', ['u0', 'u1'], '2'],
  ['?MaxItems=2&Marker=2', ['u2'], undefined],
])('E29: a list by %j', async (query, expected, marker) => {
  expect(await uuids(`${ROOT}${query}`)).toEqual([expected, marker])
})

test('E29: Enabled is switched, once, and only of a mapping that is not on its way', async () => {
  expect(await ask('PUT', `${ROOT}/u0`, '{"Enabled":false}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u1`, '{"Enabled":true}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u0`, '{"Enabled":true}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u0`)).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u2`, '{"Enabled":false}')).toMatchObject({
    status: 400,
    type: 'ResourceInUseException',
  })
  expect(control.changed.splice(0)).toEqual([
    ['u0', { enabled: false }],
    ['u1', { enabled: true }],
  ])
})

test('E29: batch size and window are changed, where they are others', async () => {
  expect(await ask('PUT', `${ROOT}/u0`, '{"BatchSize":100,"Enabled":true}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u0`, '{"BatchSize":5}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u0`, '{"MaximumBatchingWindowInSeconds":2}')).toMatchObject({ status: 202 })
  expect(await ask('PUT', `${ROOT}/u0`, '{"BatchSize":0}')).toMatchObject({
    type: 'InvalidParameterValueException',
    body: { message: expect.stringContaining('too small') as string },
  })
  expect(control.changed.splice(0)).toEqual([
    ['u0', { batchSize: 5 }],
    ['u0', { windowSeconds: 2 }],
  ])
})

test.each<[string, string, string, string]>([
  ['GET', `${ROOT}/none`, '', 'ResourceNotFoundException'],
  ['PUT', `${ROOT}/none`, '{"Enabled":false}', 'ResourceNotFoundException'],
  ['PUT', `${ROOT}/u0`, '{"BatchSize":"5"}', 'InvalidParameterValueException'],
  ['PUT', `${ROOT}/u0`, '{"MaximumBatchingWindowInSeconds":null}', 'InvalidParameterValueException'],
  ['PUT', `${ROOT}/u0`, '{"ParallelizationFactor":5}', 'InvalidParameterValueException'],
  ['PUT', `${ROOT}/u0`, '{"Enabled":"no"}', 'InvalidParameterValueException'],
  ['PUT', `${ROOT}/u0`, '{', 'InvalidRequestContentException'],
  ['PUT', `${ROOT}/u0`, '1', 'InvalidRequestContentException'],
  ['GET', `${ROOT}?MaxItems=0`, '', 'InvalidParameterValueException'],
  ['GET', `${ROOT}?Marker=x`, '', 'InvalidParameterValueException'],
])('%s %s %s is %s', async (method, path, body, type) => {
  expect(await ask(method, path, body)).toMatchObject({ type })
})

test.each([
  ['POST', ROOT],
  ['DELETE', `${ROOT}/u0`],
  ['PUT', ROOT],
  ['GET', `${ROOT}/u0/more`],
  ['GET', '/2015-03-31/functions'],
])('%s %s is none of these', (method, path) => {
  expect(ask(method, path)).toBeUndefined()
})
