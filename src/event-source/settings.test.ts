import { describe, expect, test } from 'vitest'
import { mappingSettings, withBatching, type MappingRequest } from './settings.ts'

const request = (given: Partial<MappingRequest> = {}): MappingRequest => ({
  uuid: 'a5e1c9a0-0000-4000-8000-000000000001',
  functionName: 'f',
  topics: ['t'],
  ...given,
})
const refusal = (given: Partial<MappingRequest>): string => {
  try {
    mappingSettings(request(given))
    return 'accepted'
  } catch (error) {
    return (error as Error).message
  }
}
const one = (text: string) => `1 validation error detected: Value ${text}`
const failed = 'failed to satisfy constraint: Member must'

describe('settings of a mapping', () => {
  test('E6, E24, E25, E27: defaults', () => {
    expect(mappingSettings(request())).toEqual({
      uuid: 'a5e1c9a0-0000-4000-8000-000000000001',
      functionName: 'f',
      topic: 't',
      batchSize: 100,
      windowMs: 500,
      startingPosition: 'TRIM_HORIZON',
      timestamp: undefined,
      consumerGroupId: 'a5e1c9a0-0000-4000-8000-000000000001',
      eventSourceArn: undefined,
      missingKey: 'absent',
      isolation: 'read_committed',
    })
  })

  test('E6: the bounds themselves are accepted', () => {
    expect(mappingSettings(request({ batchSize: 1, windowSeconds: 0 }))).toMatchObject({ batchSize: 1, windowMs: 0 })
    expect(mappingSettings(request({ batchSize: 10_000, windowSeconds: 300 }))).toMatchObject({ windowMs: 300_000 })
  })

  test.each<[string, Partial<MappingRequest>, string]>([
    ['E9: batch 0', { batchSize: 0 }, one(`'0' at 'batchSize' ${failed} have value greater than or equal to 1`)],
    [
      'E9: batch 10,001',
      { batchSize: 10_001 },
      one(`'10001' at 'batchSize' ${failed} have value less than or equal to 10000`),
    ],
    [
      'E9: window 301',
      { windowSeconds: 301 },
      one(`'301' at 'maximumBatchingWindowInSeconds' ${failed} have value less than or equal to 300`),
    ],
    [
      'E9: window -1',
      { windowSeconds: -1 },
      one(`'-1' at 'maximumBatchingWindowInSeconds' ${failed} have value greater than or equal to 0`),
    ],
    [
      'E9: window of half a second',
      { windowSeconds: 0.5 },
      one(`'0.5' at 'maximumBatchingWindowInSeconds' ${failed} be a whole number`),
    ],
    [
      'E9: two topics',
      { topics: ['a', 'b'] },
      one(`'[a, b]' at 'topics' ${failed} have length less than or equal to 1`),
    ],
    ['E9: no topic', { topics: [] }, one(`'[]' at 'topics' ${failed} have length greater than or equal to 1`)],
    [
      'E24: group of 0 characters',
      { consumerGroupId: '' },
      one(`'' at 'consumerGroupId' ${failed} have length greater than or equal to 1`),
    ],
    [
      'E24: group with a blank',
      { consumerGroupId: 'a b' },
      one(`'a b' at 'consumerGroupId' ${failed} satisfy regular expression pattern: [a-zA-Z0-9-\\/*:_+=.@-]*`),
    ],
    [
      'E24: group of 201 characters',
      { consumerGroupId: 'x'.repeat(201) },
      one(`'${'x'.repeat(201)}' at 'consumerGroupId' ${failed} have length less than or equal to 200`),
    ],
    ['E25: AT_TIMESTAMP without a timestamp', { startingPosition: 'AT_TIMESTAMP' }, 'Need to specify a timestamp'],
    [
      'E25: an unknown position',
      { startingPosition: 'NOW' },
      one(`'NOW' at 'startingPosition' ${failed} satisfy enum value set: [TRIM_HORIZON, LATEST, AT_TIMESTAMP]`),
    ],
  ])('%s is refused', (_, given, message) => {
    expect(refusal(given)).toBe(message)
  })

  test('E9: several faults are counted', () => {
    expect(refusal({ batchSize: 0, windowSeconds: 301 })).toMatch(
      /^2 validation errors detected: Value '0' .*; Value '301' /,
    )
  })

  test('E23: a function may run 14 minutes at most', () => {
    expect(refusal({ functionTimeoutSeconds: 840 })).toBe('accepted')
    expect(refusal({ functionTimeoutSeconds: 841 })).toContain('841 seconds exceeds 840 seconds (14 minutes)')
  })
})

describe('what an update changes', () => {
  const settings = mappingSettings({ uuid: 'u', functionName: 'f', topics: ['t'] })
  test.each([
    [{}, 100, 500],
    [{ batchSize: 7 }, 7, 500],
    [{ windowSeconds: 0 }, 100, 0],
    [{ batchSize: 10_000, windowSeconds: 300 }, 10_000, 300_000],
  ])('E29: %j', (batching, batchSize, windowMs) => {
    expect(withBatching(settings, batching)).toEqual({ ...settings, batchSize, windowMs })
  })

  test.each([
    { batchSize: 0 },
    { batchSize: 10_001 },
    { batchSize: 1.5 },
    { windowSeconds: 301 },
    { windowSeconds: -1 },
  ])('E29: %j is refused', (batching) => {
    expect(() => withBatching(settings, batching)).toThrow(/1 validation error detected/)
  })
})
