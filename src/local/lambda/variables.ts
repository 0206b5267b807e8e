/** The environment of a function's process: Lambda's and the function's own, nothing of the machine's. Pure. */
import { LOCAL_REGION } from '../identity.ts'
import { VERSION } from './report.ts'

export interface VariablesInput {
  readonly name: string
  /** `file.export` */
  readonly handler: string
  readonly memoryMb: number
  /** The function's own. It cannot set what Lambda keeps to itself. */
  readonly environment: Readonly<Record<string, string>>
  readonly taskRoot: string
  /** `127.0.0.1:port` */
  readonly runtimeApi: string
  /** `2026/01/31/[$LATEST]<32 hexadecimal digits>` */
  readonly logStream: string
  /** Stands for /tmp. */
  readonly temporaryFolder: string
  /** NODE_EXTRA_CA_CERTS of the machine: without it its TLS does not work at all. */
  readonly extraCaCerts: string | undefined
}

/** Source: AWS Lambda Developer Guide, "Defined runtime environment variables". */
export function functionVariables(input: VariablesInput): Record<string, string> {
  const { environment } = input
  const region = environment['AWS_REGION'] ?? LOCAL_REGION
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    ...(input.extraCaCerts === undefined ? {} : { NODE_EXTRA_CA_CERTS: input.extraCaCerts }),
    ...environment,
    TMPDIR: input.temporaryFolder,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: input.name,
    AWS_LAMBDA_FUNCTION_VERSION: VERSION,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(input.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${input.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: input.logStream,
    AWS_LAMBDA_RUNTIME_API: input.runtimeApi,
    LAMBDA_TASK_ROOT: input.taskRoot,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    _HANDLER: input.handler,
  }
}

/**
 * Memory as Lambda's own start script hands it out: a tenth for the young generation, the rest for the old one.
 * What is kept outside of the heap (buffers) is not limited here, on AWS it is.
 */
export function memoryArguments(memoryMb: number): string[] {
  const young = Math.floor(memoryMb / 10)
  return [`--max-semi-space-size=${Math.floor(young / 2)}`, `--max-old-space-size=${memoryMb - young}`]
}
