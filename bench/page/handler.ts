/** The handler in memory, beside its peers and its ceiling. */
import { BOTH, BOTH_LOCAL, TARGET_SIZE } from '../handler/cells.ts'
import type { CellResult, ContestantResult, HandlerResult } from '../handler/run.ts'
import { SMALL } from '../handler/records.ts'
import type { ContestantName } from '../handler/start.ts'
import { handlerTargets, P50_TARGET_MS } from '../targets.ts'
import { markdownTable, number, ratio, verdict } from './tables.ts'

export function handlerSection({ turns, turnMs, longTurnMs, cells }: HandlerResult): string {
  const names = [...new Set(cells.map(({ combination }) => combination))].filter(
    (name) => name !== BOTH && name !== BOTH_LOCAL,
  )
  return `Records \`{"id","category","value","ts"}\` of 66 bytes and of 1 KiB, keyed by id, in MSK-shaped events of one partition, held in memory and already
parsed from JSON, as the runtime hands them over. The handler is the bundle that Lambda gets, in one process on Node.js; CPU and memory
are that process's. PostgreSQL and s3proxy are real servers on the same cores. DynamoDB is a stub of our own that counts items and
answers at once (\`bench/stub/dynamodb.ts\`), the ledger of S3 included: DynamoDB Local takes 120-180 µs of CPU an item and hides what is
measured. Where DynamoDB Local is named the ledger lies there.
In each cell all contestants run in turns, ${turns} turns of ${turnMs} ms of handler time (${longTurnMs} ms
where small records come ${number(TARGET_SIZE)} an event), one event at least; the figures are medians.

- **careful**: Powertools \`kafkaConsumer\`, one multi-row \`INSERT ON CONFLICT\`, \`BatchWriteItem\` of 25 in parallel and one gzip object a
  batch with the AWS SDK. At least once.
- **naive**: a row, an item at a time, awaited; one uncompressed object a batch. At least once. Items one by one are measured up to 500 an
  event: their rate does not depend on it.
- **ceiling**: the same \`COPY\` into a temporary table and upsert of bytes prepared beforehand, on a bare connection; \`PUT\` of the same
  prepared object; \`BatchWriteItem\` of prepared items without conditions. No decoding, no encoding, no promise.

Cells: records/s · µs CPU a record.

${targetsTable(cells)}

${names.map((name) => combinationTable(name, cells)).join('\n\n')}

${bothTable(BOTH, cells)}

${bothTable(BOTH_LOCAL, cells)}`
}

function find({ contestants }: CellResult, name: ContestantName): ContestantResult | undefined {
  return contestants.find((each) => each.name === name)
}

function speed(result: ContestantResult | undefined): string {
  return result ? `${number(result.recordsPerSecond)} · ${result.cpuMicroseconds}` : ''
}

function targetsTable(cells: readonly CellResult[]): string {
  const rows = Object.entries(handlerTargets).flatMap(([name, target]) => {
    const cell = cells.find(
      (each) => each.combination === name && each.bytes === SMALL && each.size === TARGET_SIZE && !each.updating,
    )
    if (!cell) return [[name, reach(target.recordsPerSecond, target.cpuMicroseconds), 'not measured', '', '']]
    const own = find(cell, 'weirhouse')!
    const ceiling = find(cell, 'ceiling')
    const share = ceiling && own.recordsPerSecond / ceiling.recordsPerSecond
    const ceilingText =
      target.ofCeiling !== undefined && share !== undefined
        ? `; ${Math.round(share * 100)} % of its ceiling, wanted ${target.ofCeiling * 100} %`
        : ''
    return [
      [
        name,
        reach(target.recordsPerSecond, target.cpuMicroseconds),
        speed(own) + ceilingText,
        verdict(own.recordsPerSecond, target.recordsPerSecond, true),
        target.cpuMicroseconds === undefined ? '' : verdict(own.cpuMicroseconds, target.cpuMicroseconds, false),
      ],
    ]
  })
  return markdownTable(['66 bytes, 10,000 an event', 'reach', 'measured', 'records/s', 'CPU'], rows)
}

function reach(recordsPerSecond: number, cpu: number | undefined): string {
  return cpu === undefined ? number(recordsPerSecond) : `${number(recordsPerSecond)} · ${cpu}`
}

function combinationTable(name: string, cells: readonly CellResult[]): string {
  const rows = cells
    .filter(({ combination }) => combination === name)
    .map((cell) => {
      const own = find(cell, 'weirhouse')!
      const [careful, naive, ceiling] = [find(cell, 'careful'), find(cell, 'naive'), find(cell, 'ceiling')]
      return [
        `${cell.bytes === SMALL ? '66 B' : '1 KiB'}, ${number(cell.size)}${cell.updating ? ', updates' : ''}`,
        speed(own),
        String(own.peakMb),
        speed(careful),
        speed(naive),
        speed(ceiling),
        ...[careful, naive, ceiling].map((peer) => ratio(own.recordsPerSecond, peer?.recordsPerSecond)),
      ]
    })
  const head = ['record, event', 'Weirhouse', 'peak MB', 'careful', 'naive', 'ceiling']
  return `**${name}**\n\n${markdownTable([...head, '÷ careful', '÷ naive', '÷ ceiling'], rows)}`
}

function bothTable(name: string, cells: readonly CellResult[]): string {
  const both = cells.filter(({ combination }) => combination === name)
  const rows = both.map((cell) => {
    const own = find(cell, 'weirhouse')!
    const peers = [find(cell, 'careful'), find(cell, 'naive')]
    const beaten = peers.flatMap((peer) => (peer && own.recordsPerSecond > peer.recordsPerSecond ? [peer.name] : []))
    return [
      number(cell.size),
      ...[own, ...peers].flatMap((each) => [speed(each), String(each?.p50Ms ?? '')]),
      beaten.join(', ') || 'none',
    ]
  })
  const hundred = both.find(({ size }) => size === 100)
  const p50 = hundred && find(hundred, 'weirhouse')!.p50Ms
  const told =
    p50 === undefined
      ? ''
      : `\n\np50 at 100 records an event: ${p50} ms, wanted under ${P50_TARGET_MS} ms: ${verdict(p50, P50_TARGET_MS, false)}.`
  const head = ['records an event', 'Weirhouse', 'p50 ms', 'careful', 'p50 ms', 'naive', 'p50 ms', 'beaten']
  return `**${name}**, at every event size\n\n${markdownTable(head, rows)}${told}`
}
