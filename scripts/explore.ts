/**
 * Explores the protocols beyond the bounds of `npm test`:
 *
 *   npm run simulate -- explore [postgres | dynamodb | flood | replays | rewinds]   every state of larger scenarios: minutes, and gibibytes
 *   npm run simulate -- walk [...] [--walks 10000] [--seed 1]   random walks through greater ones still
 *
 * What is found ends with status 1, with the steps that lead there; of a walk, with the seed that shows it again.
 */
import { parseArgs } from 'node:util'
import type { Parts } from '../src/testing/explorer/explore.ts'
import { sample } from '../src/testing/explorer/sample.ts'
import { dynamodbModel } from '../test/simulation/dynamodb-world.ts'
import type { DynamoScenario } from '../test/simulation/dynamodb-world.ts'
import { floodModel } from '../test/simulation/flood-world.ts'
import type { FloodScenario } from '../test/simulation/flood-world.ts'
import { postgresModel } from '../test/simulation/postgres-world.ts'
import type { PostgresScenario } from '../test/simulation/postgres-world.ts'
import { exploreAll, toldOf } from '../test/simulation/protocol-suite.ts'
import type { Explorable } from '../test/simulation/protocol-suite.ts'
import { replayModel } from '../test/simulation/replay-world.ts'
import type { ReplayScenario } from '../test/simulation/replay-world.ts'
import { rewindModel } from '../test/simulation/rewind-world.ts'
import type { RewindScenario } from '../test/simulation/rewind-world.ts'

type Run = <State extends Parts>(
  name: string,
  scenario: object,
  model: Explorable<State>,
) => Promise<string | undefined>

interface Work {
  readonly protocol: string
  readonly run: (run: Run) => Promise<string | undefined>
}

const postgres = (scenario: PostgresScenario): Work => ({
  protocol: 'postgres',
  run: (run) => run('postgres', scenario, postgresModel(scenario)),
})
const dynamodb = (scenario: DynamoScenario): Work => ({
  protocol: 'dynamodb',
  run: (run) => run('dynamodb', scenario, dynamodbModel(scenario)),
})
const flood = (scenario: FloodScenario): Work => ({
  protocol: 'flood',
  run: (run) => run('flood', scenario, floodModel(scenario)),
})
const replays = (scenario: ReplayScenario): Work => ({
  protocol: 'replays',
  run: async (run) => run('replays', scenario, await replayModel(scenario)),
})
const rewinds = (scenario: RewindScenario): Work => ({
  protocol: 'rewinds',
  run: async (run) => run('rewinds', scenario, await rewindModel(scenario)),
})

const mayHalt = 'WEIR_REWOUND'
const twoSources = [
  ['a!@5', 'b'],
  ['b@3', 'a!'],
]
const large: readonly Work[] = [
  postgres({ log: [['a', 'b', 'a']], deliveries: 3, skips: 1, keyed: false }),
  postgres({ log: [['a', 'a!', 'b#']], deliveries: 2, faults: 1, keyed: true }),
  postgres({ log: [['a']], deliveries: 2, faults: 2, keyed: false }),
  postgres({ log: twoSources, deliveries: 2, keyed: true }),
  postgres({ log: [['a@3', 'a'], ['a_@4']], deliveries: 3, deletes: true, forgets: 'in time', keyed: true }),
  dynamodb({ log: [['a', 'b', 'a']], deliveries: 2, skips: 1, faults: 1, writes: 'auto' }),
  dynamodb({ log: [['a', 'b']], deliveries: 3, writes: 'put' }),
  dynamodb({ log: [['a@5', 'b@5'], ['a@3']], deliveries: 2, writes: 'put' }),
  dynamodb({ log: [['a', 'b']], deliveries: 3, rewinds: true, writes: 'put' }),
  dynamodb({ log: [['a', 'b', 'a']], deliveries: 3, rewinds: true, mayHalt, writes: 'put' }),
  dynamodb({ log: [['a']], deliveries: 3, rewinds: true, warm: true, writes: 'auto' }),
  dynamodb({ log: [['ab', 'ac!', 'b']], deliveries: 2, faults: 1, writes: 'put' }),
  dynamodb({ log: [['a', 'a_', 'a']], deliveries: 3, deletes: true, forgets: 'in time', writes: 'auto' }),
  flood({ log: [['a#', 'b#', 'c#']], deliveries: 3, allowed: 2, mayHalt: 'WEIR_POISON_FLOOD' }),
  flood({ log: [['a~', 'b~', 'c#']], deliveries: 4, allowed: 1, mends: true, mayHalt: 'WEIR_POISON_FLOOD' }),
  replays({ log: [['a~']], deliveries: 1, commands: ['replay', 'replay'], faults: 1, writes: 'put', append: true }),
  replays({ log: [['a~', 'b~']], deliveries: 1, commands: ['replay', 'discard'], writes: 'put', append: true }),
  rewinds({ sink: 's3', log: [['a', 'b']], deliveries: 1, commands: ['rewind 1', 'rewind 0'] }),
  rewinds({
    sink: 'dynamodb',
    log: [['a', 'a']],
    deliveries: 2,
    zombie: { records: [0], steps: 0 },
    commands: ['rewind 0'],
    mayHalt,
  }),
]

const log = [
  ['a@1', 'b!', 'a@3', 'b@4'],
  ['b@1', 'a@2', 'c#', 'a-'],
]
const puts = [
  ['a@1', 'a_@4', 'b@6'],
  ['a@3', 'b_@5', 'a@7'],
]
const commands = ['replay', 'replay', 'discard', 'replay'] as const
const chancy: readonly Work[] = [
  postgres({ log, deliveries: 5, skips: 1, faults: 2, keyed: true }),
  postgres({ log, deliveries: 5, skips: 1, faults: 2, keyed: false }),
  postgres({ log: puts, deliveries: 5, faults: 1, deletes: true, forgets: 'in time', keyed: true }),
  dynamodb({ log, deliveries: 5, skips: 1, faults: 2, writes: 'auto' }),
  dynamodb({ log, deliveries: 5, skips: 1, faults: 2, warm: true, writes: 'put' }),
  dynamodb({ log: puts, deliveries: 5, faults: 1, deletes: true, forgets: 'in time', writes: 'auto' }),
  flood({
    log: [['a~', 'b#', 'c~', 'd-', 'e#']],
    deliveries: 6,
    faults: 1,
    warm: true,
    allowed: 2,
    mends: true,
    mayHalt: 'WEIR_POISON_FLOOD',
  }),
  replays({
    log: [['a~', 'b!', 'a', 'c%']],
    deliveries: 4,
    commands,
    faults: 1,
    zombie: true,
    writes: 'auto',
    append: true,
  }),
  replays({ log: [['a~', 'b!', 'a', 'c%']], deliveries: 4, commands, faults: 1, zombie: true, writes: 'auto' }),
  ...(['dynamodb', 'postgres', 'postgres append', 's3'] as const).map((sink) =>
    rewinds({
      sink,
      log: [['a', sink === 's3' ? 'b' : 'b!', 'a', 'c#']],
      deliveries: 5,
      faults: 1,
      warm: true,
      second: true,
      zombie: { records: [0, 1, 2], steps: 1 },
      commands: ['rewind 1', 'rewind 0', 'finish'],
      mayHalt,
    }),
  ),
]

const explored: Run = async (name, scenario, model) => {
  const { line, violation } = await exploreAll(name, scenario, model)
  console.log(line)
  return violation && toldOf(violation)
}

const walked: Run = async (name, scenario, model) => {
  const [walks, seed] = [Number(values.walks), Number(values.seed)]
  const { steps, violation } = await sample(model, { walks, seed })
  console.log(`${name} ${JSON.stringify(scenario)}: ${walks} walks from seed ${seed}, ${steps} steps`)
  return violation && `seed ${violation.seed}\n${toldOf(violation)}`
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { walks: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
})
const [verb, only] = positionals
const known = new Set(large.map(({ protocol }) => protocol))
if ((verb !== 'explore' && verb !== 'walk') || (only !== undefined && !known.has(only))) {
  console.error(`npm run simulate -- explore | walk [${[...known].join(' | ')}] [--walks 10000] [--seed 1]`)
  process.exit(2)
}
for (const work of (verb === 'explore' ? large : chancy).filter(
  (each) => only === undefined || each.protocol === only,
)) {
  const found = await work.run(verb === 'explore' ? explored : walked)
  if (found === undefined) continue
  console.log(found)
  process.exitCode = 1
}
