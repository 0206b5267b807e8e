import { createHmac } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { WeirError } from '../../core/errors.ts'
import { launchNode } from '../node.ts'
import { recordProcesses, releaseFolder } from '../process.ts'
import type { AwsEndpoint, AwsKeys, Service, ServiceOptions } from '../service.ts'
import { type Answer, ask, onFolder, prepareJava, startJava, writeConfig } from './java-server.ts'

const SERVER = 'S3Proxy'
const READY_MS = 60_000
const PROBE_BUCKET = 'weirhouse-probe'
const PROBE_HEADER = 'x-amz-meta-probe'

export interface S3Options extends ServiceOptions {
  /** The server checks signatures against them. */
  readonly keys: AwsKeys
  readonly region: string
}

/**
 * Starts s3proxy on `ports[0]`, loopback only. Objects are plain files under `<folder>/data`; path-style addresses.
 * Throws WEIR_PREREQUISITE, WEIR_DOWNLOAD, WEIR_CHECKSUM, WEIR_FOLDER, WEIR_SERVER_START.
 */
export async function startS3(options: S3Options): Promise<Service<AwsEndpoint>> {
  const { folder, ports, keys, region } = options
  const endpoint: AwsEndpoint = { endpoint: `http://127.0.0.1:${ports[0]}`, region, ...keys }
  const program = await prepareJava('s3', options)
  const data = join(folder, 'data')
  await onFolder(folder, () => mkdir(data, { recursive: true }))
  const properties = await writeConfig(folder, 's3proxy.properties', propertiesOf(endpoint, data))
  const logback = await writeConfig(folder, 'logback.xml', LOGBACK)
  const server = await launchNode({
    server: SERVER,
    launch: () =>
      startJava(program, options, {
        server: SERVER,
        jvm: ['-Xms64m', '-Xmx384m', `-Dlogback.configurationFile=${logback}`],
        main: 'org.gaul.s3proxy.Main',
        args: ['--properties', properties],
      }),
    probe: async () => {
      if ((await signed(endpoint, 'GET', '/')).status !== 200) return false
      await checkMetadata(endpoint, data)
      return true
    },
    readyMs: READY_MS,
    onEnded: options.onEnded,
    onLaunched: (record) => recordProcesses(folder, [record]),
  })
  return {
    name: 's3',
    processes: [server.record()],
    nodes: [server],
    endpoint,
    ready: () => server.ready(),
    reset: async () => {
      for (const bucket of await readdir(data)) await rm(join(data, bucket), { recursive: true, force: true })
    },
    stop: async () => {
      await server.stop()
      releaseFolder(folder)
    },
  }
}

function propertiesOf(endpoint: AwsEndpoint, data: string): string[] {
  return [
    `s3proxy.endpoint=${endpoint.endpoint}`,
    's3proxy.authorization=aws-v2-or-v4',
    `s3proxy.identity=${endpoint.accessKeyId}`,
    `s3proxy.credential=${endpoint.secretAccessKey}`,
    'jclouds.provider=filesystem-nio2',
    `jclouds.filesystem.basedir=${data.replaceAll('\\', '\\\\')}`,
  ]
}

/** Without it every byte is logged. */
const LOGBACK = [
  '<configuration>',
  '  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">',
  '    <encoder><pattern>%d{ISO8601} %-5level %logger{0} %msg%n</pattern></encoder>',
  '  </appender>',
  '  <root level="WARN"><appender-ref ref="OUT"/></root>',
  '</configuration>',
]

/**
 * Metadata of objects are extended attributes of files. On a file system without them (tmpfs of an old kernel, some
 * network shares) the server drops them without a word, and no object could be told from a foreign one.
 */
async function checkMetadata(endpoint: AwsEndpoint, data: string): Promise<void> {
  const object = `/${PROBE_BUCKET}/probe`
  await signed(endpoint, 'PUT', `/${PROBE_BUCKET}`)
  await signed(endpoint, 'PUT', object, 'kept')
  const head = await signed(endpoint, 'HEAD', object)
  await signed(endpoint, 'DELETE', object)
  await signed(endpoint, 'DELETE', `/${PROBE_BUCKET}`)
  if (head.headers[PROBE_HEADER] === 'kept') return
  const reason = `its file system keeps no extended attributes (HEAD of an object just written: status ${head.status})`
  throw new WeirError('WEIR_FOLDER', { folder: data, reason })
}

/** AWS signature version 2, the shortest that the server takes: RFC 2104 HMAC-SHA1 over method, date, headers, path. */
function signed(endpoint: AwsEndpoint, method: string, path: string, probe?: string): Promise<Answer> {
  const date = new Date().toUTCString()
  const amz = probe === undefined ? '' : `${PROBE_HEADER}:${probe}\n`
  const signature = createHmac('sha1', endpoint.secretAccessKey)
    .update(`${method}\n\n\n${date}\n${amz}${path}`)
    .digest('base64')
  const authorization = `AWS ${endpoint.accessKeyId}:${signature}`
  const headers = { date, authorization, ...(probe === undefined ? {} : { [PROBE_HEADER]: probe }) }
  return ask(`${endpoint.endpoint}${path}`, { method, headers })
}
