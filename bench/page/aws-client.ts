import type { AwsClientResult } from '../aws-client/part.ts'
import { markdownTable, number, ratio } from './tables.ts'

export function awsClientSection({ statements, concurrency, clients }: AwsClientResult): string {
  const sdk = clients.find(({ name }) => name === 'AWS SDK')!
  const rows = clients.map((each) => [
    each.name === 'ours' ? 'src/aws' : each.name,
    number(each.itemsPerSecond),
    String(each.cpuMicroseconds),
    number(each.callMicroseconds),
    ratio(sdk.cpuMicroseconds, each.cpuMicroseconds),
  ])
  return `The signed client of \`src/aws\` against the AWS SDK for JavaScript: the same PartiQL batch of ${statements} inserts, ${concurrency} in flight, in turns in one process,
against the stub. Why there is one of our own is among the decisions in docs/decisions.

${markdownTable(['client', 'items/s', 'µs CPU an item', 'µs CPU a request', 'SDK ÷ it'], rows)}`
}
