/** npm and Node as a user runs them, each to its end. */
import { spawnSync } from 'node:child_process'
import { delimiter, dirname } from 'node:path'

/** With the Node that runs this, also where npm starts one by itself. */
export function run(command: 'npm' | 'node', args: readonly string[], cwd: string) {
  const ran = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NODE_OPTIONS: '', PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH']}` },
    timeout: 300_000,
  })
  return { ...ran, output: ran.stdout + ran.stderr }
}

export function mustRun(command: 'npm' | 'node', args: readonly string[], cwd: string): string {
  const { status, output, stdout, error } = run(command, args, cwd)
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: exit code ${status}\n${error?.message ?? ''}${output}`)
  return stdout
}
