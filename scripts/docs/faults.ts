import { faultTable as awsFaults, plainName } from '../../src/aws/fault-table.ts'
import { faultTable as postgresFaults } from '../../src/sinks/postgres/faults.ts'
import { made } from '../../test/contract/causes/aws.ts'
import { elsewhere, halting, passing, raisedTwice, refusing } from '../../test/contract/causes/postgres.ts'
import { GENERATED, tableOf } from './markdown.ts'

const DOES = {
  retryable: 'tries again',
  refused: 'dead letter',
  misconfigured: 'halts',
  answer: 'an answer',
} as const

/** What the tests make on the real server: code, and how. */
const onPostgres: ReadonlyMap<string, string> = new Map([
  ...[...refusing, ...halting].map(({ code, what }) => [code, what] as const),
  ...raisedTwice.map((code) => [code, 'raised by a trigger, twice'] as const),
  ...Object.entries(passing),
  ...Object.entries(elsewhere),
])

/** docs/faults.md: the causes that the engine tells apart, and which of them tests make on a real server. */
export function faultsPage(): string {
  const postgres = Object.entries(postgresFaults).map(([code, { kind, advice }]) => {
    const isClass = code.length === 2
    const shown = [...onPostgres].filter(([each]) =>
      isClass ? each.startsWith(code) && !postgresFaults[each] : each === code,
    )
    return [
      isClass ? `class \`${code}\`` : `\`${code}\``,
      DOES[kind],
      advice,
      shown.map(([each, what]) => `${each}: ${what}`).join('; '),
    ]
  })
  const aws = Object.entries(awsFaults).map(([name, { kind, advice }]) => [
    `\`${name}\``,
    DOES[kind],
    advice ?? '',
    made
      .filter((each) => plainName(each.name) === name)
      .map(({ what }) => what)
      .join('; '),
  ])
  return `# Faults, told apart

${GENERATED}

D8 of [delivery.md](delivery.md): what a store or the network says decides what becomes of a batch.

- **tries again**: within the invocation, with full jitter, a bounded number of times and never past the deadline; after that the batch is
  sent again.
- **dead letter**: the record's own fault. Proved first: its neighbours pass, and it alone does not.
- **halts**: nobody but a person can help. The invocation fails at once, with code and advice; the records wait in Kafka.
- **an answer**: no fault. A condition that does not hold is what the sink asked for.

The last column says how the tests make the cause on a real server (\`test/contract/causes-*.test.ts\`). Where it is empty, the server here
cannot be made to say it: then a stub says it over the wire (\`src/aws/fault-table.test.ts\`), or the table itself is tested
(\`src/sinks/postgres/faults.test.ts\`).

## PostgreSQL

By SQLSTATE: a code of its own first, else its class, the first two characters. What is in neither is tried again.

${tableOf(['Code', 'The sink', 'Advice', 'Made on a server'], postgres)}

## DynamoDB and S3

By the service's error name, with or without \`Exception\` or \`Error\` at its end, else by HTTP status: 401 and 403 halt, 404 and 412 are answers, 408, 429 and 5xx are tried again.

${tableOf(['Name', 'The sink', 'Advice', 'Made on a server'], aws)}
`
}
