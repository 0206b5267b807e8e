/** Items updated in place, explored: rows of many shapes, over writers that begin with inserts and with updates. */
import { describe, test } from 'vitest'
import {
  anyShape,
  missedIsDone,
  nothingRemoved,
  shaped,
  updateWithoutTimestamp,
  wholeItems,
} from './dynamodb-updates.ts'
import { dynamodbModel } from './dynamodb-world.ts'
import type { DynamoScenario, Plant } from './dynamodb-world.ts'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'

const modelOf = (scenario: DynamoScenario, plant?: Plant) => wholeItems(dynamodbModel(scenario, shaped(plant)))

const clean: readonly Omit<DynamoScenario, 'writes'>[] = [
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1 },
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, updating: true },
  { log: [['a', 'a']], deliveries: 2, faults: 1, updating: true },
  { log: [['a', 'a!', 'a']], deliveries: 2, updating: true },
  { log: [['a@5'], ['a@3']], deliveries: 2 },
  { log: [['a@5'], ['a@3']], deliveries: 2, updating: true },
  { log: [['a', 'a']], deliveries: 2, warm: true, updating: true },
  { log: [['a', 'a']], deliveries: 2, rewinds: true, warm: true, updating: true },
  { log: [['a', 'b!']], deliveries: 2, rewinds: true, updating: true },
]

describe('D1 D2 D3 D4 D6 D9 D13 N1: items that are updated are whole, and none is lost, doubled, reordered, skipped in silence', () => {
  test.each(named(clean))('$name', async ({ scenario }) => {
    const whole = { ...scenario, writes: 'auto' } as const
    await expectClean('dynamodb updates', whole, modelOf(whole))
  })

  test('three invocations, two sources, by chance', async () => {
    const log = [
      ['a@1', 'b!', 'a@3'],
      ['b@1', 'a@2'],
    ]
    const scenario: DynamoScenario = {
      log,
      deliveries: 3,
      faults: 1,
      skips: 1,
      warm: true,
      writes: 'auto',
      updating: true,
    }
    await expectCleanWalks(modelOf(scenario), 60)
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
    bug: 'an update of an item of any shape, which merges',
    plant: anyShape,
    scenario: { log: [['a', 'a']], deliveries: 2, writes: 'auto' },
    found: /^D2: item a of 0\/1 has 0\/1, only-0\/0, only-0\/1/,
  },
  {
    bug: 'an update that removes nothing',
    plant: nothingRemoved,
    scenario: { log: [['a', 'a']], deliveries: 2, warm: true, writes: 'auto', updating: true },
    found: /^D2: item a of 0\/1 has 0\/1, only-0\/0, only-0\/1/,
  },
  {
    bug: 'an update guarded without timestamp',
    plant: updateWithoutTimestamp,
    scenario: { log: [['a@5'], ['a@3']], deliveries: 2, warm: true, writes: 'auto' },
    found: /^D3: key a went back/,
  },
  {
    bug: 'what no update took is taken for done',
    plant: missedIsDone,
    scenario: { log: [['a']], deliveries: 1, writes: 'auto', updating: true },
    found: /^(?:D1|D9): 0\/0 is (?:acknowledged|skipped)/,
  },
]

describe('D1 D2 D3 D9: the explorer sees each bug planted around the updates', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, modelOf(scenario, plant)),
  )
})
