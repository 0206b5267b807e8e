/**
 * The command line. Exit codes: 0 done; 1 failed, or a check found something; 2 usage; 3 a check could not tell. Results go to standard output, all
 * else to standard error: an error is one line with its code and its cure.
 */
import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { messageOf, WeirError } from '../core/errors.ts'
import type { Verb } from './command.ts'
import type { Io } from './io.ts'
import { closedPipe, createIo, isClosedPipe, toJson } from './io.ts'
import type { Chosen } from './parser.ts'
import { buildProgram, operandsOf } from './parser.ts'
import { verbs } from './verbs.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2
/** By convention 128 + SIGINT. */
const EXIT_INTERRUPTED = 130
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** A second signal within this time is the first one's echo. */
const ECHO_MS = 1000

/** Runs one command line to its end and gives the exit code. Prints everything there is to say; throws nothing. */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController()
  const release = listen(stop)
  let failed: number = EXIT_FAILED
  try {
    const chosen = await parse(argv)
    if (!chosen) return 0
    failed = chosen.command.failed
    return await run(chosen, stop.signal)
  } catch (error) {
    return report(error, argv, failed)
  } finally {
    release()
  }
}

async function run({ command, input, globals }: Chosen, signal: AbortSignal): Promise<number> {
  const { stdin, stdout, stderr } = process
  const io: Io = createIo({ ...globals, stdin, stdout, stderr, signal })
  try {
    return (await command.run(input, io)) ?? 0
  } catch (error) {
    if (error === closedPipe || signal.reason === closedPipe) return 0
    if (signal.aborted && (error === signal.reason || isAbort(error))) return EXIT_INTERRUPTED
    throw error
  } finally {
    io.progress(null)
  }
}

/** What the line asks for; undefined where help or version was asked for, and printed. Throws WEIR_USAGE. */
async function parse(argv: readonly string[]): Promise<Chosen | undefined> {
  let chosen: Chosen | undefined
  let program: ReturnType<typeof buildProgram> | undefined
  try {
    program = buildProgram(version(), await loadVerb(argv), (value) => (chosen = value))
    if (argv.length === 0) program.outputHelp()
    else program.parse(argv, { from: 'user' })
    return chosen
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.help') {
      // A group without its verb, `weirhouse topics`: its help is the answer, and commander sent it to the silent channel.
      const [group] = operandsOf(argv)
      program?.commands.find((verb) => verb.name() === group)?.outputHelp()
      return undefined
    }
    if (error.exitCode === 0) return undefined
    throw usage(error, pathOf(argv, program))
  }
}

/** commander says `error: unknown option '--tpic'\n(Did you mean --topic?)`; its own help texts name no code. */
function usage(error: CommanderError, path: readonly string[]): WeirError {
  const reason = error.message
    .replace(/^error: /, '')
    .replaceAll(/\s+/g, ' ')
    .replace(' is invalid. expected', ' is invalid: expected')
    .replace(/[\s.]+$/, '')
  return new WeirError('WEIR_USAGE', { reason, advice: `See: ${['weirhouse', ...path, '--help'].join(' ')}` })
}

/** The verb, with its group, as far as the line names one that there is. */
function pathOf(argv: readonly string[], program: ReturnType<typeof buildProgram> | undefined): string[] {
  const path: string[] = []
  let at = program
  for (const word of program === undefined ? [] : operandsOf(argv)) {
    at = at?.commands.find((each) => each.name() === word)
    if (at === undefined) break
    path.push(word)
  }
  return path
}

async function loadVerb(argv: readonly string[]): Promise<Map<string, Verb>> {
  const [first, second] = operandsOf(argv)
  const name = first === 'help' ? second : first
  const entry = verbs.find((verb) => verb.name === name)
  return new Map(entry ? [[entry.name, (await entry.load()).command]] : [])
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

/**
 * Aborts on the first SIGINT, SIGTERM or SIGHUP (the terminal was closed), ends at once on a later one; takes a closed pipe
 * for an end, not a fault.
 */
function listen(stop: AbortController): () => void {
  let firstAt = 0
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) {
      // One Ctrl-C can arrive twice: from the terminal, and passed on by npm or timeout.
      if (performance.now() - firstAt > ECHO_MS) process.exit(EXIT_INTERRUPTED)
      return
    }
    firstAt = performance.now()
    stop.abort(new DOMException(`stopped by ${name}`, 'AbortError'))
  }
  const onPipe = (error: Error) => {
    if (!isClosedPipe(error)) throw error
    stop.abort(closedPipe)
  }
  for (const name of STOP_SIGNALS) process.on(name, onSignal)
  const streams = [process.stdout, process.stderr]
  for (const stream of streams) stream.on('error', onPipe)
  return () => {
    for (const name of STOP_SIGNALS) process.off(name, onSignal)
    for (const stream of streams) {
      stream.off('error', onPipe)
      // A closed pipe may be told only now, when the last lines are on their way.
      if (stream.listenerCount('error') === 0) stream.once('error', ignoreClosedPipe)
    }
  }
}

function ignoreClosedPipe(error: Error): void {
  if (!isClosedPipe(error)) throw error
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError')
}

function report(error: unknown, argv: readonly string[], failed: number): number {
  const known = error instanceof WeirError ? error : unexpected(error)
  if (argv.includes('--json')) {
    const { code, message, cure } = known
    process.stdout.write(`${toJson({ error: { code, message, cure } })}\n`)
  }
  process.stderr.write(`${known.toLine()}\n`)
  if (process.env.WEIRHOUSE_DEBUG === '1') process.stderr.write(`${stackOf(error)}\n`)
  return known.code === 'WEIR_USAGE' ? EXIT_USAGE : failed
}

function unexpected(error: unknown): WeirError {
  return new WeirError(
    'WEIR_UNEXPECTED',
    { reason: messageOf(error).replace(/\.$/, '') || 'an error without a text' },
    { cause: error },
  )
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2))
