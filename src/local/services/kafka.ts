import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { KIB, MIB } from '../../core/limits.ts'
import { openCluster } from '../../kafka/cluster.ts'
import { launchNode, type Node } from '../node.ts'
import { recordProcesses, releaseFolder } from '../process.ts'
import type { KafkaEndpoint, ProcessRecord, Service, ServiceOptions } from '../service.ts'
import { type JavaProgram, prepareJava, startJava, writeConfig } from './java-server.ts'

const SERVER = 'Kafka'
const READY_MS = 120_000
const MAIN = 'kafka.Kafka'
/** Node ids; the ports are handed out in this order. */
const CONTROLLER = 0
const BROKERS = [1, 2] as const
const DIRECTORY_ID_BYTES = 16
/** A record of 1 MiB passes: batch and record headers take this much at most (D11). */
const MAX_MESSAGE_BYTES = MIB + 4 * KIB

export interface KafkaOptions extends ServiceOptions {
  /** 22 characters of base64url; the same as long as the data are kept. */
  readonly clusterId: string
}

/**
 * Starts a controller and two brokers in racks az-1 and az-2, each a process of its own, so that either broker can be
 * killed; `ports` are the controller's and the brokers', `processes` and `nodes` in the same order.
 * Throws WEIR_PREREQUISITE, WEIR_DOWNLOAD, WEIR_CHECKSUM, WEIR_FOLDER, WEIR_SERVER_START.
 */
export async function startKafka(options: KafkaOptions): Promise<Service<KafkaEndpoint>> {
  const { folder, ports } = options
  const program = await prepareJava('kafka', options)
  const log4j = await writeConfig(folder, 'log4j2.properties', LOG4J)
  const endpoint = { bootstrap: BROKERS.map((node) => `127.0.0.1:${ports[node]}`) }
  const probe = async () => {
    await using cluster = openCluster(endpoint)
    return (await cluster.brokers()) === BROKERS.length
  }
  const records = new Map<number, ProcessRecord>()
  const nodes: Node[] = []
  for (const node of [CONTROLLER, ...BROKERS]) {
    const onLaunched = (record: ProcessRecord) => recordProcesses(folder, [...records.set(node, record).values()])
    const server = `${SERVER} node ${node}`
    const launch = () => startNode(program, options, node, log4j)
    nodes.push(await launchNode({ server, launch, probe, readyMs: READY_MS, onEnded: options.onEnded, onLaunched }))
  }
  const [controller, ...brokers] = nodes as [Node, ...Node[]]
  return {
    name: 'kafka',
    processes: nodes.map((node) => node.record()),
    nodes,
    endpoint,
    ready: async () => void (await Promise.all(nodes.map((node) => node.ready()))),
    reset: async () => {
      await using cluster = openCluster(endpoint)
      await cluster.deleteEverything()
    },
    stop: async () => {
      // A broker that shuts down asks the controller for leave: all at once, and the brokers hang.
      await Promise.all(brokers.map((broker) => broker.stop()))
      await controller.stop()
      releaseFolder(folder)
    },
  }
}

async function startNode(program: JavaProgram, options: KafkaOptions, node: number, log4j: string) {
  const data = join(options.folder, `node-${node}`)
  // Stands in for the format step: with a static voter nothing else is needed.
  await writeConfig(data, 'meta.properties', metaProperties(options.clusterId, node))
  const properties = await writeConfig(options.folder, `node-${node}.properties`, propertiesOf(options, node, data))
  return startJava(program, options, {
    server: `${SERVER} node ${node}`,
    jvm: ['-Xms128m', '-Xmx384m', `-Dlog4j2.configurationFile=${log4j}`],
    main: MAIN,
    args: [properties],
  })
}

/**
 * The folder's id is the same at each start: the controller elects no leader out of a folder that it does not know, and
 * where the file leaves the id out Kafka makes up a new one. 16 bytes, base64url.
 */
export function metaProperties(clusterId: string, node: number): string[] {
  const id = createHash('sha256').update(`${clusterId}/${node}`).digest().subarray(0, DIRECTORY_ID_BYTES)
  return ['version=1', `cluster.id=${clusterId}`, `node.id=${node}`, `directory.id=${id.toString('base64url')}`]
}

/** Small and quick where Kafka's defaults are for large clusters; what guards data stays as MSK has it. */
function propertiesOf({ ports }: KafkaOptions, node: number, data: string): string[] {
  const listener = node === CONTROLLER ? 'CONTROLLER' : 'PLAINTEXT'
  const address = `${listener}://127.0.0.1:${ports[node]}`
  return [
    `process.roles=${node === CONTROLLER ? 'controller' : 'broker'}`,
    `node.id=${node}`,
    `controller.quorum.voters=${CONTROLLER}@127.0.0.1:${ports[CONTROLLER]}`,
    'controller.listener.names=CONTROLLER',
    'listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    `listeners=${address}`,
    ...(node === CONTROLLER ? [] : [`advertised.listeners=${address}`, `broker.rack=az-${node}`]),
    `log.dirs=${data.replaceAll('\\', '/')}`,
    'offsets.topic.replication.factor=2',
    'offsets.topic.num.partitions=4',
    'transaction.state.log.replication.factor=2',
    'transaction.state.log.min.isr=1',
    'transaction.state.log.num.partitions=4',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'auto.create.topics.enable=false',
    `message.max.bytes=${MAX_MESSAGE_BYTES}`,
    'log.cleaner.dedupe.buffer.size=2097152',
    'num.network.threads=2',
    'num.io.threads=2',
    // A killed broker is noticed after 3 s: Kafka's own 9 s is made for pauses that do not happen here.
    'broker.session.timeout.ms=3000',
    'broker.heartbeat.interval.ms=500',
  ]
}

const LOG4J = [
  'appender.console.type=Console',
  'appender.console.name=console',
  'appender.console.layout.type=PatternLayout',
  'appender.console.layout.pattern=%d{ISO8601} %-5p %c{1} %m%n',
  'rootLogger.level=WARN',
  'rootLogger.appenderRef.console.ref=console',
]
