/** What a million records of a pipeline cost to bring into its stores, beyond what is paid by the hour. Pure. */
import { KIB, MAX_PAYLOAD_BYTES } from '../core/limits.ts'
import type { Pipeline } from '../core/pipeline.ts'
import type { DynamoDbOptions } from '../sinks/dynamodb/index.ts'
import { prices } from './prices.ts'
import type { Settings } from './settings.ts'

export interface RecordLine {
  readonly what: string
  readonly quantity: number
  readonly unit: string
  readonly usd: number
  /** Options that move it, by their paths in the pipeline's definition or, `poller` and `network`, in the environment. */
  readonly levers: readonly string[]
}

export interface RecordPrice {
  readonly pipeline: string
  /** Records in one invocation, from the batch and the assumptions. */
  readonly recordsAnInvocation: number
  readonly lines: readonly RecordLine[]
  readonly usd: number
  readonly assumptions: typeof STREAM
}

/** What the price of a million records takes for granted. */
export const STREAM = {
  /** Key, value and headers of a record, and the row that comes of it. */
  recordBytes: 500,
  rowsPerRecord: 1,
  /** How full a batch is when it is sent. Each holds every partition: the most objects and ledger entries there can be. */
  batchFill: 0.5,
  /** What an event says of a record besides its bytes in base64. */
  envelopeBytes: 250,
  /** Of an item's position attributes. */
  positionBytes: 150,
  /** Of an item in the ledger. */
  ledgerBytes: 1000,
  /** Of an invocation, whatever it holds. */
  invocationMs: 100,
  /** Of a row in one store, with the CPU that 1,769 MB have. */
  rowMs: 0.1,
} as const

const MILLION = 1_000_000
const GB = 1e9
/** Lambda developer guide: with this memory a function has one CPU, and with less a share of it. */
const CPU_MB = 1769

export function priceOfMillion(pipeline: Pipeline, settings: Settings): RecordPrice {
  const perInvocation = recordsAnInvocation(pipeline)
  const invocations = Math.ceil(MILLION / perInvocation)
  const lines = [
    ...lambdaLines(pipeline, invocations, perInvocation),
    ...storeLines(pipeline, invocations * Math.min(pipeline.source.partitions, perInvocation)),
    ...transferLines(settings),
  ]
  return {
    pipeline: pipeline.name,
    recordsAnInvocation: perInvocation,
    lines,
    usd: rounded(lines.reduce((sum, { usd }) => sum + usd, 0)),
    assumptions: STREAM,
  }
}

/** Base64 of a record, and what stands around it. */
const EVENT_BYTES = 4 * Math.ceil(STREAM.recordBytes / 3) + STREAM.envelopeBytes

function recordsAnInvocation({ source }: Pipeline): number {
  const most = Math.min(source.batch.records, Math.floor(MAX_PAYLOAD_BYTES / EVENT_BYTES))
  return Math.max(1, Math.floor(most * STREAM.batchFill))
}

function lambdaLines(pipeline: Pipeline, invocations: number, perInvocation: number): RecordLine[] {
  const { memoryMb, timeoutSeconds } = pipeline.function
  const rows = perInvocation * STREAM.rowsPerRecord * pipeline.sinks.length
  const slowdown = CPU_MB / Math.min(memoryMb, CPU_MB)
  const seconds = Math.min((STREAM.invocationMs + rows * STREAM.rowMs * slowdown) / 1000, timeoutSeconds)
  const gbSeconds = invocations * seconds * (memoryMb / KIB)
  return [
    line('Invocations', invocations, 'request', prices.lambdaRequest.usd / MILLION, prices.lambdaRequest.levers),
    line('Time of the function', gbSeconds, 'GB-second', prices.lambdaTime.usd, prices.lambdaTime.levers),
  ]
}

/** PostgreSQL is paid by the hour alone. */
function storeLines({ sinks }: Pipeline, ranges: number): RecordLine[] {
  const ledgerUnits = Math.ceil(STREAM.ledgerBytes / KIB)
  const ledgerLevers = prices.s3Put.levers
  return sinks.flatMap((sink) => {
    if (sink.kind === 's3')
      return [
        line(`Objects of ${sink.id}`, ranges, 'PUT', prices.s3Put.usd / MILLION, prices.s3Put.levers),
        // Claimed and settled: two writes an object (docs/delivery.md, "S3").
        writes(`Ledger of ${sink.id}`, 2 * ranges * ledgerUnits, ledgerLevers),
        reads(`Ledger of ${sink.id}, read`, ranges, ledgerLevers),
      ]
    if (sink.kind === 'dynamodb') {
      const { indexes } = sink.options as DynamoDbOptions
      const copies = 1 + Object.keys(indexes).length
      const units = Math.ceil((STREAM.recordBytes + STREAM.positionBytes) / KIB)
      return [
        writes(`Items of ${sink.id}`, MILLION * STREAM.rowsPerRecord * units * copies, [`${sink.id}.indexes`]),
        writes(`Watermark of ${sink.id}`, ranges * ledgerUnits, ledgerLevers),
        reads(`Watermark of ${sink.id}, read`, ranges, ledgerLevers),
      ]
    }
    return []
  })
}

/** On-demand pollers invoke the function through the NAT gateway; provisioned ones need none. */
function transferLines({ network, poller }: Settings): RecordLine[] {
  const zones = network.addresses.zones.length
  const crossing = (MILLION * STREAM.recordBytes * (zones - 1)) / zones / GB
  const through = poller.mode === 'onDemand' ? (MILLION * EVENT_BYTES) / GB : 0
  const { natByte, crossZoneByte } = prices
  return [
    ...(through > 0 ? [line('Events through NAT', through, 'GB', natByte.usd, natByte.levers)] : []),
    line('Read across zones', crossing, 'GB', crossZoneByte.usd, crossZoneByte.levers),
  ]
}

function writes(what: string, units: number, levers: readonly string[]): RecordLine {
  return line(what, units, 'write unit', prices.dynamoWrite.usd / MILLION, levers)
}

function reads(what: string, units: number, levers: readonly string[]): RecordLine {
  return line(what, units, 'read unit', prices.dynamoRead.usd / MILLION, levers)
}

function line(what: string, quantity: number, unit: string, each: number, levers: readonly string[]): RecordLine {
  return { what, quantity: rounded(quantity), unit, usd: rounded(quantity * each), levers }
}

/** To a hundredth of a cent: sums of small prices. */
function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
