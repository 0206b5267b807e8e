/** The four verbs of a local server. Each listens on loopback only. */
export interface Service<Endpoint> {
  readonly name: string
  /** Process ids to stop when only the state file is left. */
  readonly pids: readonly number[]
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
