/**
 * Explores the protocols beyond the bounds of `npm test`:
 *
 *   npm run simulate -- explore [postgres | dynamodb]   every state of larger scenarios: minutes, and gibibytes
 *   npm run simulate -- walk [postgres | dynamodb] [--walks 10000] [--seed 1]   random walks through greater ones still
 *
 * What is found ends with status 1, with the steps that lead there; of a walk, with the seed that shows it again.
 */
import { parseArgs } from 'node:util'
import type { Parts } from '../src/testing/explorer/explore.ts'
import { sample } from '../src/testing/explorer/sample.ts'
import { dynamodbModel } from '../test/simulation/dynamodb-world.ts'
import type { DynamoScenario } from '../test/simulation/dynamodb-world.ts'
import { postgresModel } from '../test/simulation/postgres-world.ts'
import type { PostgresScenario } from '../test/simulation/postgres-world.ts'
import { exploreAll, toldOf } from '../test/simulation/protocol-suite.ts'
import type { Explorable } from '../test/simulation/protocol-suite.ts'

type Work =
  | { readonly sink: 'postgres'; readonly scenario: PostgresScenario }
  | { readonly sink: 'dynamodb'; readonly scenario: DynamoScenario }

const large: readonly Work[] = [
  { sink: 'postgres', scenario: { log: [['a', 'b', 'a']], deliveries: 3, skips: 1, keyed: false } },
  { sink: 'postgres', scenario: { log: [['a', 'a!', 'b#']], deliveries: 2, faults: 1, keyed: true } },
  { sink: 'postgres', scenario: { log: [['a']], deliveries: 2, faults: 2, keyed: false } },
  {
    sink: 'postgres',
    scenario: {
      log: [
        ['a!@5', 'b'],
        ['b@3', 'a!'],
      ],
      deliveries: 2,
      keyed: true,
    },
  },
  { sink: 'dynamodb', scenario: { log: [['a', 'b', 'a']], deliveries: 2, skips: 1, faults: 1, writes: 'auto' } },
  { sink: 'dynamodb', scenario: { log: [['a', 'b']], deliveries: 3, writes: 'put' } },
  { sink: 'dynamodb', scenario: { log: [['a@5', 'b@5'], ['a@3']], deliveries: 2, writes: 'put' } },
  { sink: 'dynamodb', scenario: { log: [['a', 'b']], deliveries: 3, rewinds: true, writes: 'put' } },
  {
    sink: 'dynamodb',
    scenario: { log: [['a', 'b', 'a']], deliveries: 3, rewinds: true, mayHalt: 'WEIR_REWOUND', writes: 'put' },
  },
  { sink: 'dynamodb', scenario: { log: [['a']], deliveries: 3, rewinds: true, warm: true, writes: 'auto' } },
]

const log = [
  ['a@1', 'b!', 'a@3', 'b@4'],
  ['b@1', 'a@2', 'c#', 'a-'],
]
const chancy: readonly Work[] = [
  { sink: 'postgres', scenario: { log, deliveries: 5, skips: 1, faults: 2, keyed: true } },
  { sink: 'postgres', scenario: { log, deliveries: 5, skips: 1, faults: 2, keyed: false } },
  { sink: 'dynamodb', scenario: { log, deliveries: 5, skips: 1, faults: 2, writes: 'auto' } },
  { sink: 'dynamodb', scenario: { log, deliveries: 5, skips: 1, faults: 2, warm: true, writes: 'put' } },
]

async function explored<State extends Parts>({ sink, scenario }: Work, model: Explorable<State>) {
  const { line, violation } = await exploreAll(sink, scenario, model)
  console.log(line)
  return violation && toldOf(violation)
}

async function walked<State extends Parts>({ sink, scenario }: Work, model: Explorable<State>) {
  const [walks, seed] = [Number(values.walks), Number(values.seed)]
  const { steps, violation } = await sample(model, { walks, seed })
  console.log(`${sink} ${JSON.stringify(scenario)}: ${walks} walks from seed ${seed}, ${steps} steps`)
  return violation && `seed ${violation.seed}\n${toldOf(violation)}`
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { walks: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
})
const [verb, only] = positionals
if (verb !== 'explore' && verb !== 'walk') {
  console.error('npm run simulate -- explore | walk [postgres | dynamodb] [--walks 10000] [--seed 1]')
  process.exit(2)
}
const run = verb === 'explore' ? explored : walked
for (const work of (verb === 'explore' ? large : chancy).filter(({ sink }) => only === undefined || sink === only)) {
  const found =
    work.sink === 'postgres'
      ? await run(work, postgresModel(work.scenario))
      : await run(work, dynamodbModel(work.scenario))
  if (found === undefined) continue
  console.log(found)
  process.exitCode = 1
}
