/** What a verb sees of the terminal. */
import type { Readable, Writable } from 'node:stream'
import { createProgress } from './progress.ts'

export interface Io {
  /** `--json`: standard output carries JSON and nothing else. */
  readonly json: boolean
  /** `--stack`. */
  readonly stack: string
  /** `--project`, or the working folder: where to look for weirhouse.config.ts, upwards. */
  readonly project: string
  /** Aborts on Ctrl-C, SIGTERM, or when the reader of standard output has gone. */
  readonly signal: AbortSignal
  readonly stdin: Readable
  /** Standard output; resolves once there is room for more. Rejects with ClosedPipe when nobody reads any more. */
  write(chunk: string | Uint8Array): Promise<void>
  /** One line on standard output. */
  print(line: string): Promise<void>
  /** One line on standard error: for people, never the result. */
  readonly note: (line: string) => void
  /** The result: with --json `value` on one line, else the text. */
  answer(value: unknown, text: () => string): Promise<void>
  /**
   * Names the step under way, shown on standard error if it takes over a second; null when none is. `detail` is how far it is:
   * it may change as often as it likes, and only a terminal shows it.
   */
  readonly progress: (step: string | null, detail?: string) => void
}

/** The reader of standard output is gone: `weirhouse consume | head`. Not an error. */
export const closedPipe = new Error('the reader of standard output is gone')

export interface IoOptions {
  readonly json: boolean
  readonly stack: string
  readonly project: string
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean }
  readonly signal: AbortSignal
}

export function createIo(options: IoOptions): Io {
  const { stdout, stderr, json } = options
  const progress = createProgress(stderr)
  const write = (chunk: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      progress.hide()
      stdout.write(chunk, (error) => {
        if (!error) resolve()
        else reject(isClosedPipe(error) ? closedPipe : error)
      })
    })
  const print = (line: string) => write(`${line}\n`)
  return {
    json,
    stack: options.stack,
    project: options.project,
    signal: options.signal,
    stdin: options.stdin,
    write,
    print,
    note(line) {
      progress.hide()
      stderr.write(`${line}\n`)
    },
    answer: (value, text) => print(json ? toJson(value) : text()),
    progress: (step, detail) => progress.show(step, detail),
  }
}

export function isClosedPipe(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}

/** JSON on one line; bigints as decimal text, since a double could not hold them. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
}
