/**
 * Dead letters, explored: people replay and discard them while invocations deliver, each cut off anywhere and run again; with every
 * cut, crash, zombie, late copy and lost answer.
 */
import { describe, test } from 'vitest'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'
import {
  movedFromAnywhere,
  ownPosition,
  putAnew,
  settledTooSoon,
  staleBelieved,
  supersededUnseen,
} from './replay-plants.ts'
import { replayModel } from './replay-world.ts'
import type { ReplayPlant, ReplayScenario } from './replay-world.ts'

const clean: readonly ReplayScenario[] = [
  { log: [['a~']], deliveries: 2, commands: ['replay'], writes: 'put', append: true },
  { log: [['a~']], deliveries: 1, commands: ['replay', 'replay'], writes: 'put', append: true },
  { log: [['a~']], deliveries: 1, commands: ['replay', 'discard'], faults: 1, writes: 'put', append: true },
  { log: [['a~']], deliveries: 1, commands: ['replay'], zombie: true, writes: 'put', append: true },
  { log: [['a~', 'a']], deliveries: 2, commands: ['replay'], writes: 'put' },
  { log: [['a%', 'b~']], deliveries: 1, commands: ['replay'], writes: 'auto' },
  { log: [['a!', 'b']], deliveries: 2, commands: ['replay'], writes: 'put' },
  { log: [['a~']], deliveries: 1, commands: ['replay', 'supersede'], writes: 'put' },
  { log: [['a~']], deliveries: 1, commands: ['discard', 'supersede'], faults: 1, writes: 'put' },
]

describe('D1 D2 D3 D4 D6 D13: a letter that is replayed takes effect once, a discarded one never, and none is lost', () => {
  test.each(named(clean))('$name', async ({ scenario }) =>
    expectClean('replays', scenario, await replayModel(scenario)),
  )

  test.each([true, false])('three commands, three letters, by chance; appended: %s', async (append) => {
    const log = [['a~', 'b!', 'a', 'c%']]
    const commands = ['replay', 'replay', 'discard'] as const
    const model = await replayModel({ log, deliveries: 3, commands, faults: 1, zombie: true, writes: 'auto', append })
    await expectCleanWalks(model, 60)
  })
})

interface Planted {
  readonly bug: string
  readonly plant: ReplayPlant
  readonly scenario: ReplayScenario
  readonly found: RegExp
}

const one = { log: [['a~']], deliveries: 1, writes: 'put', append: true } as const
const planted: readonly Planted[] = [
  {
    bug: 'replayed before the rows are in',
    plant: settledTooSoon,
    scenario: { ...one, commands: ['replay'] },
    found: /^D1: 0\/0 is called replayed, and is not there/,
  },
  {
    bug: 'a header believed without its letter: two copies',
    plant: staleBelieved,
    scenario: { ...one, commands: ['replay', 'replay'] },
    found: /^D2: 0\/0 is there twice/,
  },
  {
    bug: 'a header believed without its letter: one that is over',
    plant: staleBelieved,
    scenario: { ...one, commands: ['replay', 'discard'], faults: 1 },
    found: /^D6: 0\/0 is there, and its letter new/,
  },
  {
    bug: 'a state that moves from whatever it is',
    plant: movedFromAnywhere,
    scenario: { ...one, commands: ['replay', 'discard'] },
    found: /^D6: 0\/0 is discarded, and is there/,
  },
  // the fault that the explorer found in what shipped
  {
    bug: 'a letter superseded without a new version',
    plant: supersededUnseen,
    scenario: { ...one, commands: ['discard', 'supersede'] },
    found: /^D13: the letter of 0\/0 is discarded again/,
  },
  {
    bug: 'a letter put again is new again',
    plant: putAnew,
    scenario: { ...one, commands: ['replay'], zombie: true },
    found: /^D6: 0\/0 is there, and its letter new/,
  },
  {
    bug: 'a replay ordered by where it stands now',
    plant: ownPosition,
    scenario: { ...one, log: [['a~', 'a']], commands: ['replay'], append: false },
    found: /^D3: 0\/0 stands where 0\/1 was/,
  },
]

describe('D1 D2 D3 D6 D13: the explorer sees each bug planted around replays', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, await replayModel(scenario, plant)),
  )
})
