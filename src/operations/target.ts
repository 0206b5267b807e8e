/**
 * Where the verbs find a running Weirhouse: what `weirhouse status --json` prints, so that any other client can look in.
 * Written by the local stack to `.weirhouse/stacks/<name>/status.json` (mode 0600: it holds the stack's own keys).
 */
export interface TargetPipeline {
  readonly name: string
  readonly topic: string
  readonly function: string
  /** Module that default-exports the definition, absolute. */
  readonly module: string
  /** Names the cluster in watermarks. */
  readonly cluster: string
  /** UUID of the event source mapping. */
  readonly mappingId: string
  /** The same, but on brokers that somebody else runs. */
  readonly consumerGroup: string
  /** S3 sink; null where the pipeline has none. `prefix` ends in '/'. */
  readonly bucket: string | null
  readonly prefix: string | null
  /** PostgreSQL table, schema-qualified; null where the pipeline has none. */
  readonly table: string | null
  readonly dynamodbTable: string | null
  /** What custom sinks say of their stores. */
  readonly custom: readonly string[]
  /** `host:port` where a debugger attaches to the function; only with --inspect. */
  readonly debugger?: string
}

export interface AwsTarget {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export interface TargetKafka {
  readonly bootstrap: string
  /**
   * Only where somebody else runs the brokers: no verb stops them. Their client.properties by its absolute path, null where
   * they want none; what it holds is secret, and read where it lies.
   */
  readonly external?: { readonly commandConfig: string | null }
}

export interface Target {
  readonly state: 'starting' | 'running' | 'stopped'
  readonly stack: string
  readonly pid: number
  /** That process first, then the servers'; `started` tells each from a later one with its pid. */
  readonly processes: readonly { readonly pid: number; readonly started: string }[]
  readonly kafka: TargetKafka
  readonly postgres: { readonly url: string }
  readonly s3: AwsTarget
  readonly dynamodb: AwsTarget
  readonly lambda: { readonly endpoint: string }
  readonly ledgerTable: string
  readonly deadLetters: { readonly table: string; readonly bucket: string }
  /** Folder of the functions' log streams, one folder a function. */
  readonly logs: string
  readonly pipelines: readonly TargetPipeline[]
}
