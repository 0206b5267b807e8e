/**
 * Rewinds by the verb that ships, explored over every sink: cut off after each of its steps, run again, finished later, while
 * invocations from before live on, and environments remember what was.
 */
import { describe, test } from 'vitest'
import { expectClean, expectCleanWalks, expectFound, named } from './protocol-expect.ts'
import {
  claimLeftFree,
  finishedTooSoon,
  lettersForgotten,
  nothingRemoved,
  nothingSwept,
  othersNotTold,
} from './rewind-plants.ts'
import { rewindModel } from './rewind-world.ts'
import type { RewindPlant, RewindScenario } from './rewind-world.ts'

/** A zombie that is accepted as if it were of the log that is read again can halt the rewind, and no more than that. */
const mayHalt = 'WEIR_REWOUND'
const commands = ['rewind 0']

const clean: readonly RewindScenario[] = [
  { sink: 'dynamodb', log: [['a', 'a']], deliveries: 1, zombie: { records: [0, 1], steps: 1 }, commands, mayHalt },
  { sink: 'dynamodb', log: [['a', 'b']], deliveries: 1, compacted: [0], commands: ['rewind 0', 'finish'] },
  { sink: 'dynamodb', log: [['a', 'a']], deliveries: 1, warm: true, commands },
  { sink: 'dynamodb', log: [['a', 'b!']], deliveries: 1, faults: 1, commands },
  { sink: 'dynamodb', log: [['a', 'a']], deliveries: 1, from: 1, second: true, commands },
  { sink: 'postgres', log: [['a', 'b!']], deliveries: 1, zombie: { records: [0], steps: 0 }, commands, mayHalt },
  { sink: 'postgres', log: [['a', 'b']], deliveries: 1, faults: 1, compacted: [0], commands },
  { sink: 'postgres', log: [['a', 'a']], deliveries: 1, warm: true, commands: ['rewind 1', 'rewind 0'] },
  { sink: 'postgres append', log: [['a', 'b']], deliveries: 1, commands: ['rewind 1', 'rewind 0', 'finish'] },
  {
    sink: 'postgres append',
    log: [['a', 'b']],
    deliveries: 1,
    zombie: { records: [0, 1], steps: 3, alone: true },
    commands: ['rewind 1'],
    mayHalt,
  },
  { sink: 's3', log: [['a', 'b']], deliveries: 1, zombie: { records: [0, 1], steps: 2 }, commands, mayHalt },
  { sink: 's3', log: [['a']], deliveries: 0, zombie: { records: [0], steps: 3, alone: true }, commands, mayHalt },
  { sink: 's3', log: [['a', 'b']], deliveries: 1, compacted: [0], warm: true, commands },
  { sink: 's3', log: [['a']], deliveries: 1, faults: 1, commands: ['rewind 0', 'finish'] },
  { sink: 's3', log: [['a', 'b~']], deliveries: 1, mended: true, second: true, commands: ['rewind 1'] },
  { sink: 'postgres append', log: [['a', 'b~']], deliveries: 1, mended: true, commands },
]

const longer: readonly RewindScenario[] = (['dynamodb', 'postgres', 's3'] as const).map((sink) => ({
  sink,
  log: [['a', sink === 's3' ? 'b' : 'b!', 'a', 'c#']],
  deliveries: 4,
  faults: 1,
  warm: true,
  second: true,
  zombie: { records: [0, 1, 2], steps: 1 },
  commands: ['rewind 1', 'rewind 0', 'finish'],
  mayHalt,
}))

describe('D1 D2 D3 D4 D9 D13 N1 N7: a rewound sink is whole again, whoever comes late, and the other one does not change', () => {
  test.each(named(clean))('$name', async ({ scenario }) => expectClean('rewind', scenario, await rewindModel(scenario)))
  test.each(named(longer))('$name, by chance', async ({ scenario }) =>
    expectCleanWalks(await rewindModel(scenario), 20),
  )
})

interface Planted {
  readonly bug: string
  readonly plant: RewindPlant
  readonly scenario: RewindScenario
  readonly found: RegExp
}

const planted: readonly Planted[] = [
  {
    bug: 'finished by the watermark alone',
    plant: finishedTooSoon,
    scenario: {
      sink: 'postgres',
      log: [['a', 'b', 'c']],
      deliveries: 1,
      zombie: { records: [2], steps: 0 },
      commands,
      mayHalt,
    },
    found: /^D1: 0\/1 is acknowledged without an effect/,
  },
  {
    bug: 'nothing removed',
    plant: nothingRemoved,
    scenario: { sink: 'postgres append', log: [['a']], deliveries: 1, commands },
    found: /^D2: 0 is there twice/,
  },
  {
    bug: 'nothing swept',
    plant: nothingSwept,
    scenario: { sink: 'dynamodb', log: [['a', 'b']], deliveries: 1, compacted: [0], commands },
    found: /^D13: 0 is there from before the rewind/,
  },
  {
    bug: 'a claim whose key stays free',
    plant: claimLeftFree,
    scenario: {
      sink: 's3',
      log: [['a']],
      deliveries: 1,
      zombie: { records: [0], steps: 3, alone: true },
      commands,
      mayHalt,
    },
    found: /^D2: 0 is there twice/,
  },
  {
    bug: 'what has a letter of all sinks written again',
    plant: lettersForgotten,
    scenario: { sink: 'postgres append', log: [['a~']], deliveries: 1, mended: true, second: true, commands },
    found: /^D2: 0 is there, and its letter open/,
  },
  {
    bug: 'the other sink not told',
    plant: othersNotTold,
    scenario: { sink: 'dynamodb', log: [['a', 'a']], deliveries: 1, from: 1, second: true, commands },
    found: /^D1: the live invocation halted with WEIR_TOPIC_RESTARTED/,
  },
]

describe('D1 D2 D9 D13: the explorer sees each bug planted around a rewind', () => {
  test.each(planted)('$bug', async ({ bug, plant, scenario, found }) =>
    expectFound(bug, found, await rewindModel(scenario, plant)),
  )
})
