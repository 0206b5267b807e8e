/**
 * The DynamoDB sink, its ledger and its dead letters, explored: the engine and the writers that ship, in every order of
 * requests, with every cut, crash, zombie and lost answer.
 */
import { describe, test } from 'vitest'
import {
  cacheTrusted,
  compactionForGood,
  deadLetterAfterWatermark,
  epochNotCompared,
  guardWithoutTimestamp,
  noGuardTogether,
  oneByOne,
  restGivenUp,
} from './dynamodb-plants.ts'
import { dynamodbModel } from './dynamodb-world.ts'
import type { DynamoScenario, Plant } from './dynamodb-world.ts'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'

const clean: readonly DynamoScenario[] = [
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, writes: 'auto' },
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, writes: 'put' },
  { log: [['a', 'b', 'a']], deliveries: 2, compactable: [1], writes: 'auto' },
  { log: [['a', 'b']], deliveries: 2, faults: 1, writes: 'auto' },
  { log: [['a', 'b']], deliveries: 2, faults: 1, writes: 'put' },
  { log: [['a', 'a!', 'b#']], deliveries: 2, writes: 'auto' },
  { log: [['a!', 'b', 'a-']], deliveries: 2, skips: 1, writes: 'put' },
  { log: [['a', 'a']], deliveries: 2, warm: true, writes: 'auto' },
  { log: [['a@5'], ['a@3']], deliveries: 2, writes: 'auto' },
  { log: [['a@5'], ['a@3']], deliveries: 2, writes: 'put' },
  { log: [['a', 'a']], deliveries: 3, rewinds: true, writes: 'put' },
  { log: [['a', 'b!']], deliveries: 2, rewinds: true, writes: 'auto' },
  { log: [['a', 'a']], deliveries: 2, rewinds: true, warm: true, writes: 'auto' },
  // several rows of one record: transactions
  { log: [['ab', 'a']], deliveries: 2, skips: 1, writes: 'put' },
  { log: [['ab', 'cb']], deliveries: 2, writes: 'auto' },
  { log: [['ab']], deliveries: 3, faults: 1, writes: 'put' },
  { log: [['ab!', 'a']], deliveries: 2, writes: 'auto' },
  { log: [['ab@5'], ['ba@4']], deliveries: 2, writes: 'put' },
  { log: [['ab', 'a']], deliveries: 2, rewinds: true, writes: 'put' },
]

describe('D1 D2 D3 D4 D6 D9 D13 N1: the DynamoDB sink loses, doubles, reorders, skips nothing, and a fresh invocation finishes', () => {
  test.each(named(clean))('$name', async ({ scenario }) => expectClean('dynamodb', scenario, dynamodbModel(scenario)))

  test('three invocations, two sources, by chance', async () => {
    const scenario: DynamoScenario = {
      log: [
        ['a@1', 'bc!', 'ab@3'],
        ['b@1', 'ac@2'],
      ],
      deliveries: 3,
      faults: 1,
      skips: 1,
      writes: 'auto',
    }
    await expectCleanWalks(dynamodbModel(scenario), 60)
  })
})

interface Planted {
  readonly bug: string
  readonly plant: Plant
  readonly scenario: DynamoScenario
  readonly found: RegExp
}

const planted: readonly Planted[] = [
  {
    bug: 'guard without timestamp',
    plant: guardWithoutTimestamp,
    scenario: { log: [['a@5'], ['a@3']], deliveries: 2, writes: 'put' },
    found: /^D3: key a went back/,
  },
  {
    bug: 'dead letter after the watermark',
    plant: deadLetterAfterWatermark,
    scenario: { log: [['a!', 'b']], deliveries: 2, writes: 'put' },
    found: /^D9: 0\/0 is skipped in silence, without a dead letter/,
  },
  {
    bug: 'compaction that loses a valid predecessor',
    plant: compactionForGood,
    scenario: { log: [['a', 'a!']], deliveries: 2, writes: 'auto' },
    found: /^D1: 0\/0 is acknowledged without an effect/,
  },
  {
    bug: 'epoch not compared',
    plant: epochNotCompared,
    scenario: { log: [['a', 'a']], deliveries: 2, rewinds: true, writes: 'put' },
    found: /^D[13]: /,
  },
  {
    bug: 'cache trusted for a drop',
    plant: cacheTrusted,
    scenario: { log: [['a', 'a']], deliveries: 2, rewinds: true, warm: true, writes: 'put' },
    found: /^(?:N1|D1): 0\/0 is acknowledged/,
  },
  {
    bug: 'guard missing in the transaction',
    plant: noGuardTogether,
    scenario: { log: [['ab', 'a']], deliveries: 2, writes: 'put' },
    found: /^D3: key a went back/,
  },
  {
    bug: 'rows of one record one by one',
    plant: oneByOne,
    scenario: { log: [['ab']], deliveries: 2, writes: 'put' },
    found: /^D6: half of 0\/0 is there/,
  },
  {
    bug: 'rows given up with one that is turned down',
    plant: restGivenUp,
    scenario: { log: [['ab', 'a']], deliveries: 2, writes: 'put' },
    found: /^D1: 0\/0 is acknowledged without an effect/,
  },
]

describe('D1 D3 D6 D9 D13 N7: the explorer sees each bug planted around the DynamoDB sink', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, dynamodbModel(scenario, plant)),
  )
})
