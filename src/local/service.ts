import type { KafkaConnection } from '../kafka/connection.ts'

/** A process that can be told from a later one with the same pid. */
export interface ProcessRecord {
  readonly pid: number
  /** When it started, as the operating system tells it: an opaque text to compare. */
  readonly started: string
}

/** A server that ended though nobody asked it to. */
export interface ServerEnded {
  /** "PostgreSQL", "Kafka node 1". */
  readonly server: string
  /** "it was ended by SIGKILL" */
  readonly reason: string
  readonly log: string
}

/** One process of a server, to be killed and brought back on purpose: how a fault is tried out. */
export interface ServerNode {
  readonly server: string
  /** Of the process that runs now, or ran last. */
  record(): ProcessRecord
  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void>
  /** After `kill`: again on the same ports and data; resolves once it answers. */
  start(): Promise<void>
}

/**
 * The four verbs of a local server. Each listens on loopback only, but DynamoDB Local, which cannot:
 * there a random access key keeps others from the data (SECURITY.md).
 */
export interface Service<Endpoint> {
  readonly name: string
  /** Its processes, to stop when only the state file is left: see stopStale in process.ts. */
  readonly processes: readonly ProcessRecord[]
  readonly nodes: readonly ServerNode[]
  readonly endpoint: Endpoint
  /** Resolves once the server answers a real request; throws WEIR_SERVER_START with the log's path. */
  ready(): Promise<void>
  /** Removes all data, keeps the server. */
  reset(): Promise<void>
  /** Stops gently, then by force; resolves when the process is gone. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  /** Folder of this server alone: data, configuration, `server.log`. */
  readonly folder: string
  /** Ports to listen on, handed out by the stack. */
  readonly ports: readonly number[]
  /** Whether the data must outlive the server; by default the server may keep them in memory. */
  readonly keep?: boolean
  /** Environment variables of the servers; default those of this process. */
  readonly env?: NodeJS.ProcessEnv
  /** Java servers: simple compilation only, ready a third sooner and slower under load. Default true. */
  readonly fastStart?: boolean
  /** Gets a line when something takes a while, such as the first download. */
  readonly onProgress?: (line: string) => void
  /** Told of a process that answered once and ended before `stop`. */
  readonly onEnded?: (ended: ServerEnded) => void
}

export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface KafkaEndpoint {
  readonly bootstrap: readonly string[]
}
export interface PostgresEndpoint {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
}
export interface AwsEndpoint extends AwsKeys {
  /** http://127.0.0.1:PORT */
  readonly endpoint: string
  readonly region: string
}

/** The servers of a stack. */
export interface Servers {
  readonly kafka: Service<KafkaConnection>
  readonly postgres: Service<PostgresEndpoint>
  readonly dynamodb: Service<AwsEndpoint>
  readonly s3: Service<AwsEndpoint>
}
