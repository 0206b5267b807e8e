/** The pinned CDK command line: what carries an assembly to AWS. */
import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { optionalModule } from '../../config/optional-module.ts'
import { WeirError } from '../../core/errors.ts'

export interface CdkRun {
  readonly args: readonly string[]
  readonly region: string
  readonly onLine: (line: string) => void
  readonly signal: AbortSignal
}

/** Runs to its end. Throws WEIR_DEPLOY_FAILED with what it was doing. */
export type RunCdk = (run: CdkRun) => Promise<void>

/** How long the CDK gets to end by itself once it was told to. */
const GRACE_MS = 10_000

export const runCdk: RunCdk = async ({ args, region, onLine, signal }) => {
  const child = spawn(process.execPath, [await cdkBinary(), ...args, '--no-color', '--ci', 'false'], {
    env: { ...process.env, AWS_REGION: region, CDK_DISABLE_CLI_TELEMETRY: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stop = () => {
    child.kill('SIGINT')
    setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref()
  }
  signal.addEventListener('abort', stop, { once: true })
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine)
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>()
    child.once('error', reject)
    child.once('close', resolve)
    const code = await promise
    signal.throwIfAborted()
    if (code !== 0) throw new WeirError('WEIR_DEPLOY_FAILED', { reason: `\`cdk ${args[0]}\` ended with ${code}` })
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function cdkBinary(): Promise<string> {
  const manifest = await optionalModule('aws-cdk', 'deploying', () =>
    Promise.resolve(import.meta.resolve('aws-cdk/package.json')),
  )
  return join(dirname(fileURLToPath(manifest)), 'bin', 'cdk')
}
