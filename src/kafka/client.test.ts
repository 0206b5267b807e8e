import { expect, test } from 'vitest'
import { kafkaError } from './client.ts'

const answer = (apiId: string) => Object.assign(new Error('the broker said no'), { apiId })

test('what trying again cannot help is told with what to do instead, not as brokers that are down', () => {
  const error = kafkaError('producing to "t"', answer('MESSAGE_TOO_LARGE'))
  expect(error).toMatchObject({ code: 'WEIR_KAFKA_REFUSED', retryable: false, details: { error: 'MESSAGE_TOO_LARGE' } })
  expect(error.cure).toContain('max.message.bytes')
})

test('any other answer, and none, may be tried again', () => {
  expect(kafkaError('listing topics', answer('LEADER_NOT_AVAILABLE'))).toMatchObject({
    code: 'WEIR_KAFKA',
    retryable: true,
    message: 'Kafka: listing topics failed: LEADER_NOT_AVAILABLE.',
  })
  expect(kafkaError('closing', new Error('connect ECONNREFUSED.'))).toMatchObject({ code: 'WEIR_KAFKA' })
})
