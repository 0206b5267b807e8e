import { mkdtempSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { parseEvent } from '../../src/core/event.ts'
import { choosePorts } from '../../src/local/ports.ts'
import { startKafka } from '../../src/local/services/kafka.ts'
import type { KafkaEndpoint, Service } from '../../src/local/service.ts'
import type { KafkaEvent } from '../../src/testing/event-builder.ts'
import { kafkaTool } from '../support/foreign.ts'
import { randomClusterId } from '../support/start.ts'
import { eventually, OK, openWorld, positions, produceBy, unevenTopic } from './mapping-world.ts'
import { THROWN, transact, type World } from './mapping-world.ts'

const connection = inject('kafka')
let world: World

beforeEach(async () => {
  world = await openWorld(connection)
})
afterEach(() => world.end())

/** A function that ends when it is told to. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { open: resolve, passed: promise }
}

describe('events and offsets', () => {
  test('E1, E2, E3, E4: what was produced arrives byte for byte', async () => {
    const binary = Buffer.from(Array.from({ length: 256 }, (_, i) => 255 - i))
    const headers = [
      { name: 'h', value: binary },
      { name: 'h', value: Buffer.from('again') },
      { name: 'ü', value: Buffer.alloc(0) },
    ]
    await world.produce(
      { partition: 1, key: binary, value: binary, headers, timestamp: 1_234_567_890_123 },
      { partition: 1, key: null, value: null },
      { partition: 1, key: Buffer.alloc(0), value: '' },
    )
    await world.mapping(() => OK, { eventSourceArn: 'arn:cluster', windowSeconds: 1 }).start()
    await eventually(world.delivered, ['1:0', '1:1', '1:2'])
    const event = JSON.parse(world.payloads[0]!) as KafkaEvent
    expect(event).toMatchObject({ eventSource: 'aws:kafka', eventSourceArn: 'arn:cluster' })
    expect(event.bootstrapServers).toBe(connection.bootstrap.join(','))
    expect('key' in event.records[`${world.topic}-1`]![1]!).toBe(false)
    const [range] = parseEvent(event).ranges
    expect(range!.records.map(({ key, value, headers }) => ({ key, value, headers }))).toEqual([
      { key: binary, value: binary, headers },
      { key: null, value: null, headers: [] },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: [] },
    ])
    expect(range!.records[0]).toMatchObject({ timestamp: 1_234_567_890_123, timestampType: 'CREATE_TIME' })
  })

  test('E6: a batch that is full does not wait for its window', async () => {
    await world.produce(...Array.from({ length: 7 }, (_, i) => ({ partition: 0, value: `${i}` })))
    await world.mapping(() => OK, { batchSize: 3, windowSeconds: 300 }).start()
    await eventually(
      () => world.payloads.map(positions),
      [
        ['0:0', '0:1', '0:2'],
        ['0:3', '0:4', '0:5'],
      ],
    )
  })

  test("E24: the commit is the last record + 1, and Kafka's own tool shows it under the UUID", async () => {
    await world.produce({ partition: 0, value: 'a' }, { partition: 0, value: 'b' }, { partition: 1, value: 'c' })
    const mapping = world.mapping(() => OK)
    await mapping.start()
    await eventually(world.committed, [2, 1])
    expect(mapping.lastProcessingResult()).toBe('OK')
    expect(mapping.metrics()).toMatchObject({ PolledEventCount: 3, InvokedEventCount: 3, CommittedEventCount: 3 })
    const tool = 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand'
    const shown = await kafkaTool(tool, [
      '--bootstrap-server',
      connection.bootstrap[0]!,
      '--describe',
      '--group',
      world.uuid,
    ])
    const rows = shown
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((cells) => cells[1] === world.topic)
    expect(rows.map((cells) => cells.slice(2, 6)).sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      ['0', '2', '2', '0'],
      ['1', '1', '1', '0'],
    ])
  })

  test('E25: a starting position counts only where the group has no commit', async () => {
    await world.produce(
      { partition: 0, value: 'old', timestamp: 1000 },
      { partition: 1, value: 'old', timestamp: 5000 },
    )
    await world.mapping(() => OK, { startingPosition: 'LATEST' }).start()
    await world.produce({ partition: 0, value: 'new' })
    await eventually(world.delivered, ['0:1'])
    const group = (consumerGroupId: string) => ({ consumerGroupId: `${world.uuid}-${consumerGroupId}` })
    await world
      .mapping(() => OK, { startingPosition: 'AT_TIMESTAMP', startingPositionTimestamp: 2000, ...group('at') })
      .start()
    await eventually(() => world.delivered().slice(1).sort(), ['0:1', '1:0'])
    await world.mapping(() => OK, group('all')).start()
    await eventually(() => world.delivered().slice(3).sort(), ['0:0', '0:1', '1:0'])
  })

  test('E26: disabled and enabled again, it resumes at the commit', async () => {
    await world.produce({ partition: 0, value: 'a' })
    const mapping = world.mapping(() => OK, { startingPosition: 'LATEST' })
    const earliest = world.mapping(() => OK)
    await earliest.start()
    await eventually(world.delivered, ['0:0'])
    await earliest.stop()
    expect(earliest.state()).toBe('Disabled')
    expect(await world.committed()).toEqual([1, undefined])
    await world.produce({ partition: 0, value: 'b' })
    await mapping.start()
    await eventually(world.delivered, ['0:0', '0:1'])
  })

  test('E25: a topic that is made anew is read from its beginning, and committed', async () => {
    const mapping = world.mapping(() => OK)
    await mapping.start()
    await world.produce(...['a', 'b', 'c'].map((value) => ({ partition: 0, value })))
    await eventually(world.committed, [3, undefined])
    await world.admin.deleteTopic(world.topic)
    await world.admin.createTopic({ topic: world.topic, partitions: 2, replication: 2 })
    await world.produce({ partition: 0, value: 'new' })
    await eventually(() => world.delivered().slice(3), ['0:0'])
    await eventually(world.committed, [1, undefined])
  })

  test('E27: transaction markers and aborted records neither arrive nor stall', async () => {
    await transact(connection, world.topic, [
      ['a', 'begin'],
      ['a', 'send', 'aborted'],
      ['a', 'abort'],
      ['a', 'begin'],
      ['a', 'send', 'kept'],
      ['a', 'commit'],
    ])
    await world.mapping(() => OK).start()
    await eventually(world.delivered, ['0:2'])
    await world.produce({ partition: 0, value: 'plain' })
    await eventually(world.delivered, ['0:2', '0:4'])
    await eventually(world.committed, [5, undefined])
    await world.mapping(() => OK, { isolation: 'read_uncommitted', consumerGroupId: `${world.uuid}-all` }).start()
    await eventually(() => world.delivered().slice(2), ['0:0', '0:2', '0:4'])
  })
})

describe('failure', () => {
  test('E14, E11: the whole batch again, byte for byte, later records wait, other partitions flow', async () => {
    let broken = true
    await world.produce({ partition: 0, value: 'a' }, { partition: 0, value: 'b' })
    const mapping = world.mapping((event) => (broken && `${world.topic}-0` in event.records ? THROWN : OK))
    await mapping.start()
    await eventually(() => world.payloads.length >= 3, true)
    await world.produce({ partition: 0, value: 'c' }, { partition: 1, value: 'x' }, { partition: 1, value: 'y' })
    await eventually(world.committed, [undefined, 2])
    expect(mapping.lastProcessingResult()).toMatch(/^(OK|PROBLEM: Function call failed)$/)
    const failing = world.payloads.filter((payload) => positions(payload).includes('0:0'))
    expect(new Set(failing).size).toBe(1)
    expect(world.delivered()).not.toContain('0:2')
    broken = false
    await eventually(world.committed, [3, 2])
    expect(mapping.metrics()).toMatchObject({ CommittedEventCount: 5, DroppedEventCount: 0, SumOffsetLag: 0 })
    const { InvokeErrorCount, FailedInvokeEventCount } = mapping.metrics()
    expect(FailedInvokeEventCount).toBe(2 * InvokeErrorCount)
  })

  test('E15: throttled and failed calls are tried again', async () => {
    const answers = [{ ...OK, statusCode: 429 }, { ...OK, statusCode: 500 }, 'lost', OK] as const
    let calls = 0
    await world.produce({ partition: 0, value: 'a' })
    const mapping = world.mapping(() => {
      const answer = answers[Math.min(calls++, 3)]!
      if (answer === 'lost') throw new Error('connection lost')
      return answer
    })
    await mapping.start()
    await eventually(world.committed, [1, undefined])
    expect(world.delivered()).toEqual(['0:0', '0:0', '0:0', '0:0'])
    expect(mapping.metrics()).toMatchObject({ InvokedEventCount: 4, FailedInvokeEventCount: 3, InvokeErrorCount: 3 })
  })

  test('E10: never two invocations with one partition, and two with different ones run side by side', async () => {
    const running = new Set<string>()
    const both = gate()
    let most = 0
    await world
      .mapping(
        async (event) => {
          const labels = Object.keys(event.records)
          for (const label of labels) expect(running.has(label)).toBe(false)
          for (const label of labels) running.add(label)
          most = Math.max(most, running.size)
          if (most === 2) both.open()
          await both.passed
          for (const label of labels) running.delete(label)
          return OK
        },
        { batchSize: 5 },
      )
      .start()
    await world.produce(...Array.from({ length: 100 }, (_, i) => ({ partition: i % 2, value: `${i}` })))
    await eventually(world.committed, [50, 50])
    for (const partition of [0, 1]) {
      const mine = world.delivered().filter((p) => p.startsWith(`${partition}:`))
      expect(mine).toEqual(Array.from({ length: 50 }, (_, i) => `${partition}:${i}`))
    }
  })
})

describe('pollers that come and go', () => {
  let child: ChildProcess | undefined
  afterEach(() => void child?.kill('SIGKILL'))

  /** A mapping in its own process; resolves with the first line that begins so. */
  async function pollerUntil(line: string, hang: boolean): Promise<string> {
    const request = { uuid: world.uuid, functionName: 'f', topics: [world.topic], windowSeconds: 0 }
    const script = fileURLToPath(new URL('../fixtures/poller.ts', import.meta.url))
    const args = ['--conditions=source', script, JSON.stringify({ connection, request, hang })]
    child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const said of createInterface({ input: child.stdout! })) if (said.startsWith(line)) return said
    throw new Error(`the poller ended before it said "${line}"`)
  }
  async function killed(): Promise<void> {
    child!.kill('SIGKILL')
    await once(child!, 'exit')
  }

  test('E26: killed in mid-invocation, the batch comes again', async () => {
    await world.produce({ partition: 0, value: 'a' }, { partition: 0, value: 'b' })
    expect(await pollerUntil('invoked', true)).toBe('invoked 0:0 0:1')
    await killed()
    await world.mapping(() => OK).start()
    await eventually(world.delivered, ['0:0', '0:1'])
    await eventually(world.committed, [2, undefined])
  })

  test('E26: killed after the commit, it does not', async () => {
    await world.produce({ partition: 0, value: 'a' })
    await pollerUntil('committed 1', false)
    await killed()
    await world.produce({ partition: 0, value: 'b' })
    await world.mapping(() => OK).start()
    await eventually(world.delivered, ['0:1'])
  })

  test('E24, E26: a second member takes over in mid-batch: nothing lost, what was committed never again', async () => {
    const held = gate()
    const first = world.mapping(async () => (await held.passed, OK), { batchSize: 1 })
    await world.produce({ partition: 0, value: 'a' }, { partition: 1, value: 'b' })
    await first.start()
    await eventually(() => world.delivered().sort(), ['0:0', '1:0'])
    const second = world.mapping(() => OK, { batchSize: 1 })
    await second.start()
    // the partition that moved comes again through the second; the first goes on holding the other
    await eventually(() => world.delivered().length, 3)
    held.open()
    await eventually(world.committed, [1, 1])
    const so = world.delivered().length
    await world.produce({ partition: 0, value: 'c' }, { partition: 1, value: 'd' })
    await eventually(world.committed, [2, 2])
    expect(world.delivered().slice(so).sort()).toEqual(['0:1', '1:1'])
    await second.stop()
    await world.produce({ partition: 0, value: 'e' }, { partition: 1, value: 'f' })
    await eventually(world.committed, [3, 3])
    expect(
      world
        .delivered()
        .slice(so + 2)
        .sort(),
    ).toEqual(['0:2', '1:2'])
  })
})

describe('a broker dies', () => {
  const onBrokers = async (work: (cluster: Service<KafkaEndpoint>) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), 'weirhouse-brokers-'))
    const ports = await choosePorts(['controller', 'broker 1', 'broker 2'])
    const cluster = await startKafka({ folder, ports: Object.values(ports), clusterId: randomClusterId() })
    try {
      await cluster.ready()
      await work(cluster)
    } finally {
      await cluster.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }

  test.each([1, 2])('E11, E26: broker %i is killed: it goes on within 10 s, nothing is lost', (victim) =>
    onBrokers(async (cluster) => {
      const doomed = await openWorld(cluster.endpoint)
      const mapping = doomed.mapping(() => OK)
      await mapping.start()
      const burst = (value: string) =>
        doomed.produce(...[0, 1].flatMap((partition) => Array.from({ length: 20 }, () => ({ partition, value }))))
      await burst('before')
      await eventually(doomed.committed, [20, 20])
      process.kill(cluster.processes[victim]!.pid, 'SIGKILL')
      const killed = Date.now()
      await burst('after')
      await eventually(doomed.committed, [40, 40])
      expect(Date.now() - killed).toBeLessThan(10_000)
      const positions = [0, 1].flatMap((p) => Array.from({ length: 40 }, (_, o) => `${p}:${o}`))
      expect([...new Set(doomed.delivered())].sort()).toEqual(positions.sort())
      await burst('later')
      await eventually(doomed.committed, [60, 60])
      await mapping.stop()
    }),
  )

  test('E11: a partition that has no other broker waits alone, and the topic is still told', () =>
    onBrokers(async (cluster) => {
      const { endpoint } = cluster
      const doomed = await openWorld(endpoint, (topic) => unevenTopic(endpoint, topic))
      const layout = async () => (await doomed.admin.describeTopic(doomed.topic)).layout
      await eventually(async () => (await layout()).map(({ inSync }) => inSync.length), [2, 1])
      const mapping = doomed.mapping(() => OK)
      await mapping.start()
      await doomed.produce({ partition: 0, value: 'before' }, { partition: 1, value: 'before' })
      await eventually(doomed.committed, [1, 1])
      process.kill(cluster.processes[2]!.pid, 'SIGKILL')
      await eventually(
        async () => (await doomed.admin.describeTopic(doomed.topic)).layout.map((p) => p.leader),
        [1, -1],
      )
      expect(await doomed.admin.listTopics()).toContainEqual({ topic: doomed.topic, partitions: 2, replication: 2 })
      await produceBy(endpoint, doomed.topic, 0, 'after')
      await eventually(doomed.committed, [2, 1])
      expect(doomed.delivered().sort()).toEqual(['0:0', '0:1', '1:0'])
      await mapping.stop()
    }))
})
