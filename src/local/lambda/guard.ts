/**
 * Frozen processes do not notice that their host is gone, and would stay for ever after a kill -9. A small shell
 * process does: its standard input ends, and it kills what is left and removes the folder.
 */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

export interface Guard {
  add(pid: number): void
  remove(pid: number): void
  /** Ends the guard; it touches nothing. */
  close(): void
}

/** Each instance leads a process group of its own; `kill -9 -PID` takes what it started along. */
const SCRIPT = `
pids=' '
while read -r verb pid; do
  case $verb in
    add) pids="$pids$pid " ;;
    remove) pids=$(printf '%s' "$pids" | sed "s/ $pid / /") ;;
    end) exit 0 ;;
  esac
done
for pid in $pids; do kill -9 "-$pid"; done
rm -rf "$1"
`

export function startGuard(folder: string): Guard {
  // There is no freezing on Windows: a process whose Runtime API is gone ends by itself.
  if (process.platform === 'win32') return { add: nothing, remove: nothing, close: nothing }
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'weirhouse-guard', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: '/usr/bin:/bin' },
  })
  const input = child.stdin as unknown as Socket
  // A guard that died guards nothing, and the functions run all the same.
  input.on('error', (error: Error) => process.emitWarning(error))
  child.on('error', (error) => process.emitWarning(error))
  child.unref()
  input.unref()
  const tell = (line: string): void => void input.write(`${line}\n`)
  return {
    add: (pid) => tell(`add ${pid}`),
    remove: (pid) => tell(`remove ${pid}`),
    close: () => {
      if (!input.destroyed) input.end('end\n')
    },
  }
}

function nothing(): void {
  // Only where there is nothing to guard.
}
