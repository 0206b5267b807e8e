/**
 * The PostgreSQL sink and its outbox, explored: the engine and the writer that ship, in every order of statements, with every
 * cut, crash, zombie, lost connection and lost COMMIT.
 */
import { describe, test } from 'vitest'
import type { SessionPlant } from './postgres-session.ts'
import { postgresModel } from './postgres-world.ts'
import type { PostgresScenario } from './postgres-world.ts'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'

const clean: readonly PostgresScenario[] = [
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, keyed: false },
  { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, compactable: [1], keyed: true },
  { log: [['a', 'a']], deliveries: 3, keyed: true },
  { log: [['a', 'b']], deliveries: 2, faults: 1, keyed: false },
  { log: [['a', 'a!', 'a-']], deliveries: 2, skips: 1, keyed: false },
  { log: [['a!', 'b', 'b#']], deliveries: 2, keyed: true },
  { log: [['ab!', 'a']], deliveries: 2, keyed: true },
  { log: [['a@5', 'b'], ['a@3']], deliveries: 2, keyed: true },
  { log: [['a!@5', 'b'], ['b@3']], deliveries: 2, keyed: true },
  { log: [['a', 'a', 'a']], deliveries: 3, warm: true, keyed: true },
  { log: [['a', 'b!']], deliveries: 2, rewinds: true, keyed: true },
  // a zombie that first reads its watermark after the rewind, and begins above it, can halt the rewind, and no more than that
  { log: [['a', 'b', 'a']], deliveries: 3, rewinds: true, mayHalt: 'WEIR_REWOUND', keyed: true },
  { log: [['a', 'b', 'a']], deliveries: 3, rewinds: true, mayHalt: 'WEIR_REWOUND', keyed: false },
]

describe('D1 D2 D3 D4 D6 D9 D13 N1: the PostgreSQL sink loses, doubles, reorders, skips nothing, and a fresh invocation finishes', () => {
  test.each(named(clean))('$name', async ({ scenario }) => expectClean('postgres', scenario, postgresModel(scenario)))

  test('three invocations, two sources, by chance', async () => {
    const log = [
      ['a@1', 'b!', 'a@3'],
      ['b@1', 'a@2'],
    ]
    const model = postgresModel({ log, deliveries: 3, faults: 2, skips: 1, keyed: true })
    await expectCleanWalks(model, 60)
  })
})

interface Planted {
  readonly bug: string
  readonly plant: SessionPlant
  readonly scenario: PostgresScenario
  readonly found: RegExp
}

const planted: readonly Planted[] = [
  {
    bug: 'watermark outside the transaction',
    plant: { moveOutside: true },
    scenario: { log: [['a', 'b']], deliveries: 2, keyed: true },
    found: /^D9: 0\/0 is skipped in silence, without an effect/,
  },
  {
    bug: 'watermark read without its lock',
    plant: { noLock: true },
    scenario: { log: [['a', 'b']], deliveries: 3, keyed: false },
    found: /^D2: .* is there twice/,
  },
]

describe('D2 D9: the explorer sees each bug planted in the PostgreSQL transaction', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, postgresModel(scenario, plant)),
  )
})
