/** Real processes are killed, frozen and cut off while records flow; after each fault the audit finds every record once. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import * as scenarios from '../support/fault-scenarios.ts'
import type { Scenario } from '../support/fault-scenarios.ts'
import { openFaultWorld, type FaultWorld } from '../support/fault-world.ts'
import { root } from '../support/weirhouse.ts'

const OUTAGE_MS = 3000

let world: FaultWorld

beforeAll(async () => {
  world = await openFaultWorld()
})
afterAll(() => world.end())
beforeEach(() => world.flow())
afterEach(() => {
  for (const proxy of [world.dynamodb, world.s3, world.postgres]) proxy.mend()
})

async function survive(scenario: Scenario): Promise<void> {
  await scenario(world, OUTAGE_MS)
  const { report, acknowledged } = await world.settle()
  expect(report.sinks).toEqual(
    Object.fromEntries(
      Object.entries({ lake: 's3', sql: 'postgres', kv: 'dynamodb' }).map(([id, kind]) => [
        id,
        {
          kind,
          expected: report.produced,
          stored: report.produced,
          missing: 0,
          duplicated: 0,
          different: 0,
          outOfOrder: 0,
          foreign: 0,
          deadLettered: 0,
          notYet: 0,
          beyondRetention: 0,
          expired: 0,
          outside: 0,
          gaps: { recorded: 0, skipped: 0, listed: [] },
          examples: [],
        },
      ]),
    ),
  )
  expect(report.deadLetters).toBe(0)
  expect(await world.found()).toBe(acknowledged)
}

test('D1 D2 E14 E15: an instance killed in mid-batch', () => survive(scenarios.killedInstance))
test('D1 D2 D4 E15: an invocation that timed out lives on, and its writes arrive after its successor', () =>
  survive(scenarios.zombie))
test('D1 D2 D5 D8: PostgreSQL is killed and comes back; S3 and DynamoDB go on; the stack says so', async () => {
  await survive(scenarios.postgresDown)
  const ended = world.notes.filter((line) => line.includes('PostgreSQL'))
  expect(ended).toEqual([expect.stringMatching(/^WEIR_SERVER_ENDED: .*SIGKILL.*Nothing is lost.*server\.log/)])
  const logged = (await world.lines()).filter(({ fields }) => fields.code === 'WEIR_SERVER_ENDED')
  expect(logged.map(({ stream, message }) => [stream, ended[0]!.includes(message)])).toEqual([['stack', true]])
})
test('D1 D2 D5 D8: S3 is killed and comes back; PostgreSQL and DynamoDB go on', () => survive(scenarios.s3Down))
test('D1 D2 D5 D8: DynamoDB is cut off, then answers are cut in the middle; PostgreSQL goes on', () =>
  survive(scenarios.dynamodbCutOff))
test('D1 D2 E14: broker 1 is killed and comes back; records flow on meanwhile', () =>
  survive(scenarios.killedBroker(1)))
test('D1 D2 E14: broker 2 is killed and comes back; records flow on meanwhile', () =>
  survive(scenarios.killedBroker(2)))

test('N4: every warning and error of these faults has its row in docs/operations.md', async () => {
  const page = readFileSync(join(root, 'docs/operations.md'), 'utf8')
  const said = new Set<string>()
  for (const { message, fields } of await world.lines()) {
    const { level, code, reason } = fields
    if (level !== 'WARN' && level !== 'ERROR') continue
    said.add(typeof code === 'string' && code.startsWith('WEIR_') ? code : message)
    // the mapping tells the function's error as "type: text"
    if (message.startsWith('Invocation failed')) said.add(String(reason).split(':')[0]!)
  }
  const seen = ['WEIR_SERVER_ENDED', 'WEIR_STORE_UNAVAILABLE', 'Runtime.ExitError', 'Sandbox.Timedout']
  expect([...said]).toEqual(expect.arrayContaining(seen))
  expect([...said].filter((each) => !page.includes(`\`${each}\``))).toEqual([])
})
