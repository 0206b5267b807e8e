/** One fault each, while records flow: what is broken, what has to go on meanwhile, and its return. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until, type FaultWorld, type Offsets } from './fault-world.ts'

export type Scenario = (world: FaultWorld, outageMs: number) => Promise<void>

/** DynamoDB's writes and S3's: where an invocation is held, PostgreSQL may have committed already. */
const WRITES = /BatchExecuteStatement|^PUT /

const sum = (offsets: Offsets) => [...offsets.values()].reduce((all, each) => all + each, 0)

/** A sink has moved beyond what the mapping has committed: it took a batch that others did not. */
const ahead = (sink: Offsets, committed: Offsets) => [...sink].some(([p, next]) => next > (committed.get(p) ?? 0))

export const killedInstance: Scenario = async (world) => {
  const { dynamodb, s3, committed } = world
  const pid = await inMidBatch(world)
  process.kill(-pid, 'SIGKILL')
  for (const proxy of [dynamodb, s3]) proxy.keepNoMore()
  const before = sum(await committed())
  // Its last requests arrive after its death.
  for (const proxy of [dynamodb, s3]) proxy.letGo()
  await until('the batch came again', async () => sum(await committed()) > before)
}

export function killedBroker(node: 1 | 2): Scenario {
  return async ({ node: nodeOf, admin, committed, stack }, outageMs) => {
    const broker = nodeOf(`Kafka node ${node}`)
    await broker.kill()
    await sleep(outageMs)
    const before = sum(await committed())
    await until('records flow without the broker', async () => sum(await committed()) > before)
    await broker.start()
    await until('both brokers have every record', async () => {
      const { layout } = await admin.describeTopic(stack.target.pipelines[0]!.topic)
      return layout.every(({ inSync }) => inSync.length === 2)
    })
  }
}

export const postgresDown: Scenario = async ({ node, ledger, committed }, outageMs) => {
  const server = node('PostgreSQL')
  await server.kill()
  for (const sink of ['lake', 'kv'] as const)
    await until(`${sink} takes what PostgreSQL does not`, async () => ahead(await ledger(sink), await committed()))
  await sleep(outageMs)
  await server.start()
}

export const s3Down: Scenario = async ({ node, ledger, watermark, committed }, outageMs) => {
  const server = node('S3Proxy')
  await server.kill()
  await until('kv takes what S3 does not', async () => ahead(await ledger('kv'), await committed()))
  await until('PostgreSQL takes what S3 does not', async () => ahead(await watermark(), await committed()))
  await sleep(outageMs)
  await server.start()
}

export const dynamodbCutOff: Scenario = async ({ dynamodb, watermark, committed }, outageMs) => {
  dynamodb.cut()
  await until('PostgreSQL takes what DynamoDB does not', async () => ahead(await watermark(), await committed()))
  await sleep(outageMs)
  dynamodb.mend()
  const before = sum(await committed())
  await until('records flow again', async () => sum(await committed()) > before)
  // The request took effect, and its answer is lost.
  dynamodb.cutAnswers(5)
  await sleep(outageMs / 2)
  dynamodb.mend()
}

/** Frozen with its writes on the way, outlived, and thawed: its requests arrive after its successor's, and it goes on. */
export const zombie: Scenario = async (world, outageMs) => {
  const { dynamodb, s3, invoked, committed } = world
  const pid = await inMidBatch(world)
  process.kill(-pid, 'SIGSTOP')
  for (const proxy of [dynamodb, s3]) proxy.keepNoMore()
  const begun = invoked.length
  const before = sum(await committed())
  await until('a successor began', () => invoked.slice(begun).some((other) => other !== pid))
  await until('a successor finished', async () => sum(await committed()) > before)
  for (const proxy of [dynamodb, s3]) proxy.letGo()
  process.kill(-pid, 'SIGCONT')
  await sleep(outageMs)
}

/** An invocation whose writes to both stand still; resolves to its process. */
async function inMidBatch({ dynamodb, s3, onInvocation }: FaultWorld): Promise<number> {
  const pid = await new Promise<number>((resolve) => {
    onInvocation((invoked) => {
      for (const proxy of [dynamodb, s3]) proxy.keepBack(WRITES)
      resolve(invoked)
    })
  })
  for (const proxy of [dynamodb, s3]) await until('it writes', () => proxy.keptBack() > 0)
  return pid
}
