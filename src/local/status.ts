import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LoadedPipeline } from '../config/load.ts'
import type { SinkDefinition, SinkKind } from '../sinks/sink.ts'
import type { Target, TargetPipeline } from '../operations/target.ts'
import { processRecord } from './process.ts'
import { DEAD_LETTERS, functionName, LEDGER_TABLE, RECORDS_BUCKET } from './deployment.ts'
import type { ExternalKafka } from './external-kafka.ts'
import type { StackIdentity } from './identity.ts'
import type { Servers, Service } from './service.ts'
import { dataPrefix } from '../sinks/s3/index.ts'

/** Owner only: the file holds the stack's keys. */
const PRIVATE = 0o600

export interface TargetInput {
  readonly name: string
  readonly folder: string
  readonly pipelines: readonly LoadedPipeline[]
  readonly identity: StackIdentity
  /** Where the brokers are somebody else's. */
  readonly external?: ExternalKafka | undefined
  readonly servers: Servers
  readonly lambdaPort: number
  /** By pipeline: the port of a debugger. */
  readonly inspect: Readonly<Record<string, number>>
}

export function targetOf(input: TargetInput): Target {
  const { name, folder, pipelines, identity, external, servers, lambdaPort, inspect } = input
  const { user, password, host, port, database } = servers.postgres.endpoint
  return {
    state: 'running',
    stack: name,
    pid: process.pid,
    processes: [
      processRecord(process.pid)!,
      ...Object.values(servers).flatMap((server: Service<unknown>) => server.processes),
    ],
    kafka: {
      bootstrap: servers.kafka.endpoint.bootstrap.join(','),
      ...(external ? { external: { commandConfig: external.commandConfig ?? null } } : {}),
    },
    postgres: { url: `postgresql://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}` },
    s3: servers.s3.endpoint,
    dynamodb: servers.dynamodb.endpoint,
    lambda: { endpoint: `http://127.0.0.1:${lambdaPort}` },
    ledgerTable: LEDGER_TABLE,
    deadLetters: DEAD_LETTERS,
    logs: join(folder, 'logs'),
    pipelines: pipelines.map((each) => pipelineTarget(each, identity, inspect[each.pipeline.name])),
  }
}

function pipelineTarget(
  { pipeline, module }: LoadedPipeline,
  identity: StackIdentity,
  inspect: number | undefined,
): TargetPipeline {
  const s3 = sinkOf(pipeline.sinks, 's3')
  const postgres = sinkOf(pipeline.sinks, 'postgres')
  const dynamodb = sinkOf(pipeline.sinks, 'dynamodb')
  const text = (sink: SinkDefinition | undefined, option: string) =>
    sink ? ((sink.options as Readonly<Record<string, string | undefined>>)[option] ?? '') : null
  return {
    name: pipeline.name,
    topic: pipeline.source.topic,
    function: functionName(pipeline),
    module,
    cluster: pipeline.source.cluster ?? identity.clusterArn,
    mappingId: identity.mappings[pipeline.name]!,
    consumerGroup: identity.groups[pipeline.name]!,
    bucket: s3 ? RECORDS_BUCKET : null,
    prefix: s3 ? dataPrefix(text(s3, 'prefix')!, pipeline.name, s3.id, pipeline.source.topic) : null,
    table: postgres ? `${text(postgres, 'schema') || 'public'}.${text(postgres, 'table')}` : null,
    dynamodbTable: text(dynamodb, 'table'),
    custom: pipeline.sinks.filter(({ kind }) => kind === 'custom').map(({ id, about }) => about ?? `sink ${id}`),
    ...(inspect === undefined ? {} : { debugger: `127.0.0.1:${inspect}` }),
  }
}

function sinkOf(sinks: readonly SinkDefinition[], kind: SinkKind): SinkDefinition | undefined {
  return sinks.find((sink) => sink.kind === kind)
}

/** Whole or not at all: a reader never sees half a file. */
export function writeStatus(file: string, target: Target): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, JSON.stringify(target, null, 2), { mode: PRIVATE })
  renameSync(`${file}.new`, file)
}

export function removeStatus(file: string): Promise<void> {
  rmSync(file, { force: true })
  return Promise.resolve()
}
