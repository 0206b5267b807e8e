/** The developer's loop as a person lives it: save, see, break, mend, pause, resume, stop. */
import { GetEventSourceMappingCommand, LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda'
import { UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda'
import { Client } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openProducer } from '../../src/kafka/produce.ts'
import type { KafkaProducer } from '../../src/kafka/produce.ts'
import { isAlive } from '../../src/local/process.ts'
import { kafkaOf } from '../../src/operations/kafka-target.ts'
import { openDevWorld, PIPELINE } from './dev-world.ts'
import type { DevWorld } from './dev-world.ts'
import { eventually } from './mapping-world.ts'

/** What the loop promises is under a second, on a machine that does nothing else; this is where it would be broken. */
const SAVE_TO_NEW_VERSION_MS = 8000
const QUIET_MS = 700

const stampText = (stamp: string) => `export const stamp = '${stamp}'\n`

let world: DevWorld
let producer: KafkaProducer
let sent = 0

beforeAll(async () => {
  world = await openDevWorld({
    'weirhouse.config.ts': `export default { pipelines: ['./pipeline.ts'], samples: {}, environments: {} }\n`,
    'pipeline.ts': PIPELINE,
    'stamp.ts': stampText('one'),
  })
  producer = openProducer(kafkaOf(world.target))
})

afterAll(async () => {
  await producer?.close()
  await world?.end()
})

/** Sends one record; resolves to its number. */
async function send(more: object = {}): Promise<number> {
  const n = sent++
  await producer.send([{ topic: 'loop', value: Buffer.from(JSON.stringify({ n, ...more })) }])
  return n
}

/** How often each number was begun, so far. */
function begun(): Map<number, number> {
  const counts = new Map<number, number>()
  for (const { message } of world.lines()) {
    const n = /\tbegun (\d+) /.exec(message)?.[1]
    if (n !== undefined) counts.set(Number(n), (counts.get(Number(n)) ?? 0) + 1)
  }
  return counts
}

async function clean(): Promise<void> {
  const { code, stdout, stderr } = await world.audit()
  expect(code, stdout + stderr).toBe(0)
  expect(stdout).toMatch(new RegExp(`^loop: sound: ${sent} records$`, 'm'))
}

describe('save', () => {
  test('a saved file is the next version within a second, and the log says from which request on', async () => {
    await world.line(new RegExp(`\tdone ${await send()} one`))
    const enough = new AbortController()
    const flow = (async () => {
      for (; !enough.signal.aborted; await sleep(50)) await send()
    })()
    const at = world.save('stamp.ts', stampText('two'))
    const deployed = await world.line(
      /version 2 \([0-9a-f]{8}\), \d+ KiB, built in \d+ ms, deployed \d+ ms after \S*stamp\.ts/,
    )
    const begins = await world.line(/\tbegun \d+ two/)
    enough.abort()
    await flow
    // Where the time goes, for whoever tends the loop.
    const { message } = JSON.parse(deployed.message) as { message: string }
    process.stderr.write(`${message}; its first record ${begins.timestamp - at} ms after\n`)
    expect(begins.timestamp - at).toBeLessThan(SAVE_TO_NEW_VERSION_MS)
    const first = world.lines().find(({ message }) => /version 2 \(.*runs from request/.test(message))!
    const request = /request ([0-9a-f-]{36}) on/.exec(first.message)![1]!
    expect(begins.message).toContain(request)
    expect(world.lines().find(({ message }) => message.startsWith(`START RequestId: ${request} `))?.stream).toBe(
      begins.stream,
    )
  })

  test('a record in flight ends on the old version, and takes effect once', async () => {
    const gate = world.gate()
    const slow = await send({ until: gate.path })
    await world.line(new RegExp(`\tbegun ${slow} two`))
    world.save('stamp.ts', stampText('three'))
    await world.line(/version 3 \(.*deployed/)
    const after = await send()
    gate.open()
    await world.line(new RegExp(`\tdone ${slow} two`))
    await world.line(new RegExp(`\tdone ${after} three`))
    expect(Object.fromEntries([...begun()].filter(([, count]) => count !== 1))).toEqual({})
    await clean()
  })

  test('what does not build is told with its place, and the old version runs on', async () => {
    world.save('stamp.ts', 'export const stamp =\n  }\n')
    const told = await world.line(/stamp\.ts:2:3: /)
    expect(JSON.parse(told.message)).toMatchObject({
      level: 'ERROR',
      message: expect.stringMatching(/version 3 \(\w+\) runs on$/),
    })
    await world.line(new RegExp(`\tdone ${await send()} three`))
    world.save('stamp.ts', `export { stamp } from './more/stamp.ts'\n`)
    await world.line(/stamp\.ts:1:23: Could not resolve/)
    world.save('more/stamp.ts', stampText('four'))
    await world.line(/version 4 \(.*deployed/)
    await world.line(new RegExp(`\tdone ${await send()} four`))
    world.save('more/stamp.ts', `// a comment\n${stampText('four')}`)
    await world.line(/the bundle is the same, version 4 \(\w+\) runs on/)
  })

  test('a definition that gained a column has it made; what a running stack cannot take over is said', async () => {
    const gained = PIPELINE.replace("n: 'integer'", "n: 'integer', more: 'text'").replace('records: 10', 'records: 20')
    world.save('pipeline.ts', gained)
    await world.line(/version 5 \(.*deployed .*pipeline\.ts/)
    await world.line(/the event source mapping has its new settings/)
    await world.line(new RegExp(`\tdone ${await send()} four`))
    const sql = new Client({ connectionString: world.target.postgres.url })
    await sql.connect()
    const { rows } = await sql.query(`SELECT column_name FROM information_schema.columns WHERE table_name = 'loop'`)
    await sql.end()
    expect(rows).toContainEqual({ column_name: 'more' })
    world.save('pipeline.ts', gained.replace("more: 'text'", "more: 'integer'"))
    const refused = await world.line(/column \\"more\\" of table public\.loop is text, the definition now says integer/)
    expect(refused.message).toMatch(/version 5 \(\w+\) runs on/)
    world.save('pipeline.ts', gained)
    await world.line(/the bundle is the same, version 5/)
    world.save(
      'weirhouse.config.ts',
      `export default { pipelines: ['./pipeline.ts'], samples: {}, environments: {} }\n\n`,
    )
    const config = await world.line(/weirhouse\.config\.ts was saved: it is read at the start only/)
    expect(config.function).toBe('weirhouse')
  })
})

interface Lagging {
  readonly lag: number
  readonly partitions: readonly { readonly committed: number | null; readonly lag: number }[]
}

describe('pause and resume', () => {
  const json = async <T>(...args: string[]) => JSON.parse((await world.run(...args, '--json')).stdout) as T
  const status = async () => {
    const { pipelines } = await json<{ pipelines: [{ mapping: { state: string } }] }>('status')
    return pipelines[0].mapping.state
  }

  test('E26: a paused pipeline holds its records, which groups and topics show as lag; resumed, each comes once', async () => {
    expect(await status()).toBe('Enabled')
    const paused = await world.run('pause', '--pipeline', 'loop')
    expect(paused.stdout).toBe(
      'Pipeline loop is paused: its records wait in topic loop. Go on with: weirhouse resume --pipeline loop\n',
    )
    expect(await status()).toBe('Disabled')
    expect((await world.run('pause')).stdout).toBe('Pipeline loop is paused already.\n')
    const waiting = [await send(), await send(), await send()]
    const [group] = await json<(Lagging & { pipeline: string; members: unknown[] })[]>('groups', 'list')
    expect(group).toMatchObject({ pipeline: 'loop', lag: 3, members: [] })
    const { readers } = await json<{ readers: Lagging[] }>('topics', 'describe', '--topic', 'loop')
    expect(readers).toMatchObject([{ pipeline: 'loop', lag: 3, partitions: [{ committed: sent - 3, lag: 3 }] }])
    await sleep(QUIET_MS)
    expect(waiting.filter((n) => begun().has(n))).toEqual([])

    expect((await world.run('resume', '--pipeline', 'loop')).stdout).toBe('Pipeline loop goes on reading topic loop.\n')
    await world.line(new RegExp(`\tdone ${waiting.at(-1)!} four`))
    expect(await status()).toBe('Enabled')
    const described = await world.run('groups', 'describe', '--group', 'loop')
    expect(described.stdout).toMatch(
      /^Group \S+ of pipeline loop: Stable, 1 member, lag \d+\n {2}\S+ \(weirhouse\) on 127/,
    )
    expect(Object.fromEntries([...begun()].filter(([, count]) => count !== 1))).toEqual({})
    await clean()
  })

  test('E29: the public SDK lists, gets and switches the mapping', async () => {
    const { lambda, pipelines } = world.target
    const [{ consumerGroup: UUID, cluster, function: name }] = pipelines as [(typeof pipelines)[number]]
    const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
    const client = new LambdaClient({ endpoint: lambda.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 })
    const get = () => client.send(new GetEventSourceMappingCommand({ UUID }))
    const listed = await client.send(
      new ListEventSourceMappingsCommand({ FunctionName: name, EventSourceArn: cluster }),
    )
    expect(listed.EventSourceMappings).toMatchObject([
      {
        UUID,
        State: 'Enabled',
        BatchSize: 20,
        MaximumBatchingWindowInSeconds: 0,
        StartingPosition: 'TRIM_HORIZON',
        EventSourceArn: cluster,
        FunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
        LastProcessingResult: 'OK',
        Topics: ['loop'],
        AmazonManagedKafkaEventSourceConfig: { ConsumerGroupId: UUID },
      },
    ])
    expect(listed.EventSourceMappings![0]!.LastModified!.getTime()).toBeGreaterThan(Date.now() - 600_000)
    const gate = world.gate()
    const slow = await send({ until: gate.path })
    await world.line(new RegExp(`\tbegun ${slow} `))
    const update = await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }))
    expect(update).toMatchObject({ State: 'Disabling', $metadata: { httpStatusCode: 202 } })
    await expect(client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
    })
    gate.open()
    await eventually(async () => (await get()).State, 'Disabled')
    // What was in flight took effect, and was committed before the mapping was disabled.
    await world.line(new RegExp(`\tdone ${slow} `))
    expect((await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }))).State).toBe('Enabling')
    await eventually(async () => (await get()).State, 'Enabled')
    await expect(client.send(new GetEventSourceMappingCommand({ UUID: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    })
    client.destroy()
    expect(begun().get(slow)).toBe(1)
  })
})

test('Ctrl-C stops all of it', async () => {
  const { code } = await world.interrupt()
  expect(code).toBe(0)
  expect(world.target.processes.filter(isAlive)).toEqual([])
  expect((await world.run('status')).code).toBe(1)
})
