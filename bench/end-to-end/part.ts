/**
 * From a preloaded topic through event source mapping and sandbox into the stores: from the first invocation until the mapping
 * has nothing left. The mapping runs in this process, functions in theirs, all servers on the same cores.
 */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemPorts } from '../../src/aws/index.ts'
import { bundlePipeline } from '../../src/bundle/index.ts'
import type { Invoke } from '../../src/event-source/invoker.ts'
import { createMapping } from '../../src/event-source/mapping.ts'
import { mappingSettings } from '../../src/event-source/settings.ts'
import { openAdmin } from '../../src/kafka/admin.ts'
import { openProducer } from '../../src/kafka/produce.ts'
import { functionEnvironment } from '../../src/local/deployment.ts'
import { createFunctionHost } from '../../src/local/lambda/function-host.ts'
import type { FunctionHost } from '../../src/local/lambda/function-host.ts'
import { provisionStores } from '../../src/local/provision.ts'
import { ARN, SMALL, TOPIC, valueText } from '../handler/records.ts'
import { moduleOf, pipelineOf } from '../pipelines.ts'
import { MEMORY_MB, startStoresAndKafka, storesOf } from '../servers.ts'
import type { BenchKafka } from '../servers.ts'
import { functionUsage } from './processes.ts'
import type { EndToEndPlan, EndToEndRun } from './runs.ts'
import { checkWritten } from './written.ts'

export interface EndToEndResult {
  readonly records: number
  readonly partitions: number
  readonly runs: readonly RunResult[]
}

export interface RunResult {
  readonly name: string
  readonly batch: number
  readonly environments: number
  readonly recordsPerSecond: number
  readonly invocations: number
  readonly failures: number
  /** Of all environments together, cold start included, a record. */
  readonly functionCpuMicroseconds: number
  /** Of the process that mapping and sandbox run in, a record. */
  readonly mappingCpuMicroseconds: number
  /** Of the greatest environment. */
  readonly functionPeakMb: number
}

const POLL_MS = 20
/** A run in which nothing moves for so long has failed. */
const STUCK_MS = 60_000
const PRODUCED_AT_ONCE = 50_000

export async function endToEnd(
  plan: EndToEndPlan,
  progress: (line: string) => void,
  given?: BenchKafka,
): Promise<EndToEndResult> {
  const servers = given ?? (await startStoresAndKafka())
  const host = createFunctionHost({ logsFolder: join(servers.folder, 'logs') })
  try {
    await preload(plan, servers)
    progress(`${plan.records} records in ${plan.partitions} partitions of "${TOPIC}"`)
    const runs: RunResult[] = []
    for (const [number, run] of plan.runs.entries()) {
      const result = await runOnce({ run, number, plan, servers, host })
      runs.push(result)
      progress(lineOf(result))
    }
    return { records: plan.records, partitions: plan.partitions, runs }
  } finally {
    await host.close()
    if (!given) await servers.stop()
  }
}

function lineOf({ name, batch, environments, ...figures }: RunResult): string {
  const { recordsPerSecond, functionCpuMicroseconds, mappingCpuMicroseconds, functionPeakMb, invocations } = figures
  return `${name}, batch ${batch}, ${environments} environments: ${recordsPerSecond}/s, function ${functionCpuMicroseconds} us, mapping ${mappingCpuMicroseconds} us, ${functionPeakMb} MB, ${invocations} invocations, ${figures.failures} failed`
}

/** Every partition has as many; keys are ids, and no id comes twice. */
async function preload({ records, partitions }: EndToEndPlan, { kafka }: BenchKafka): Promise<void> {
  const admin = openAdmin(kafka)
  await admin.createTopic({ topic: TOPIC, partitions, replication: 2 })
  await admin.close()
  const producer = openProducer(kafka)
  const workload = { bytes: SMALL, size: 0, partition: 0 }
  for (let from = 0; from < records; from += PRODUCED_AT_ONCE)
    await producer.send(
      Array.from({ length: Math.min(PRODUCED_AT_ONCE, records - from) }, (_, i) => {
        const value = Buffer.from(valueText(from + i, workload))
        return { topic: TOPIC, partition: (from + i) % partitions, key: value.subarray(7, 15), value }
      }),
    )
  await producer.close()
}

interface Running {
  readonly run: EndToEndRun
  readonly number: number
  readonly plan: EndToEndPlan
  readonly servers: BenchKafka
  readonly host: FunctionHost
}

async function runOnce(running: Running): Promise<RunResult> {
  const { run, plan, servers } = running
  await servers.reset()
  await provisionStores([await pipelineOf(run.pipeline)], storesOf(true, servers))
  const functionName = await deploy(running)
  const seen = watchInvocations(running)
  const mapping = createMapping({
    settings: mappingSettings({
      uuid: randomUUID(),
      functionName,
      topics: [TOPIC],
      batchSize: run.batch,
      eventSourceArn: ARN,
    }),
    connection: servers.kafka,
    invoke: seen.invoke,
    ...systemPorts,
    log: () => undefined,
  })
  const cpuBefore = process.cpuUsage()
  await mapping.start()
  try {
    await drained(() => mapping.metrics(), plan.records)
    const seconds = (performance.now() - seen.first()) / 1000
    const { user, system } = process.cpuUsage(cpuBefore)
    const functions = functionUsage(functionName)
    await checkWritten(run, plan.records, servers)
    return {
      name: run.name,
      batch: run.batch,
      environments: run.environments,
      recordsPerSecond: Math.round(plan.records / seconds),
      invocations: seen.invocations(),
      failures: seen.failures(),
      functionCpuMicroseconds: round(functions.cpuMicroseconds / plan.records),
      mappingCpuMicroseconds: round((user + system) / plan.records),
      functionPeakMb: functions.peakMb,
    }
  } finally {
    await mapping.stop()
  }
}

const round = (value: number) => Number(value.toFixed(2))

async function deploy({ run, number, servers, host }: Running): Promise<string> {
  const name = `weirhouse-bench-${number}`
  const outFolder = join(servers.folder, 'bundles', name)
  const bundle = await bundlePipeline({ modulePath: moduleOf(run.pipeline), outFolder, pipelineName: run.pipeline })
  await host.deploy({
    name,
    codeFolder: bundle.folder,
    handler: bundle.handler,
    timeoutSeconds: 60,
    memoryMb: MEMORY_MB,
    environment: functionEnvironment(await pipelineOf(run.pipeline), storesOf(true, servers)),
  })
  rmSync(outFolder, { recursive: true })
  return name
}

/** No more invocations at a time than there are environments: one more waits, as it would for a reserved concurrency. */
function watchInvocations({ run, host }: Running) {
  let first = 0
  let invocations = 0
  let failures = 0
  let running = 0
  const waiting: (() => void)[] = []
  const invoke: Invoke = async (name, payload, signal) => {
    if (running === run.environments) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    first ||= performance.now()
    invocations++
    try {
      const result = await host.invoke(name, payload, signal)
      if (result.functionError !== undefined) {
        failures++
        if (failures === 1) console.error(result.payload.toString())
      }
      return result
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
  return { invoke, first: () => first, invocations: () => invocations, failures: () => failures }
}

interface Progress {
  readonly InvokedEventCount: number
  readonly SumOffsetLag: number
}

async function drained(metrics: () => Progress, records: number): Promise<void> {
  let before = -1
  let movedAt = performance.now()
  for (;;) {
    const { InvokedEventCount, SumOffsetLag } = metrics()
    if (InvokedEventCount >= records && SumOffsetLag === 0) return
    if (InvokedEventCount !== before) movedAt = performance.now()
    else if (performance.now() - movedAt > STUCK_MS) throw new Error(`nothing moves: ${SumOffsetLag} records to go`)
    before = InvokedEventCount
    await sleep(POLL_MS)
  }
}
