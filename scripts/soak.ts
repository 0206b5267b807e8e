/**
 * The faults of test/integration/faults.test.ts for longer, and again and again, on one stack: what grows or wears out shows.
 *
 *   npm run soak [-- rounds [seconds an outage]]
 */
import * as scenarios from '../test/support/fault-scenarios.ts'
import { openFaultWorld } from '../test/support/fault-world.ts'

const [rounds = 5, outageSeconds = 10] = process.argv.slice(2).map(Number)

const faults: Readonly<Record<string, scenarios.Scenario>> = {
  'an instance is killed': scenarios.killedInstance,
  'an invocation outlives its timeout': scenarios.zombie,
  'PostgreSQL is down': scenarios.postgresDown,
  'S3 is down': scenarios.s3Down,
  'DynamoDB is cut off': scenarios.dynamodbCutOff,
  'broker 1 is down': scenarios.killedBroker(1),
  'broker 2 is down': scenarios.killedBroker(2),
}

const world = await openFaultWorld()
try {
  for (let round = 1; round <= rounds; round++) {
    for (const [name, scenario] of Object.entries(faults)) {
      world.flow()
      await scenario(world, outageSeconds * 1000)
      for (const proxy of [world.dynamodb, world.s3]) proxy.mend()
      const { report, acknowledged } = await world.settle()
      const found = await world.found()
      if (!report.ok || found !== acknowledged)
        throw new Error(`${name}: ${JSON.stringify({ report, acknowledged, found })}`)
      console.log(`round ${round} of ${rounds}: ${name}: ${report.produced} records, each in every store once`)
    }
  }
} finally {
  await world.end()
}
