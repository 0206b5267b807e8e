import type { Io } from './io.ts'
import type { Parameters, ParameterValues } from './options.ts'

/**
 * 0 done; 1 failed, or found what it looked for (audit, doctor, a function error); 3 failed, of a verb whose 1 is an answer
 * (audit). Usage errors are 2, raised by the parser.
 */
export type ExitCode = 0 | 1 | 3

/** What `--json` prints: one value at the end, or one a line as they come. */
export type JsonShape = 'value' | 'lines'

/** One verb, or one verb of a group. */
export interface CommandSpec<A extends Parameters, O extends Parameters> {
  /** One line, without a full stop; for a top-level verb the same as in verbs.ts. */
  readonly summary: string
  /** More to know, for `--help` and the reference page. */
  readonly details?: string
  /** Complete command lines. */
  readonly example: readonly [string, ...string[]]
  readonly arguments?: A
  readonly options?: O
  /** 'value' where not given. */
  readonly json?: JsonShape
  /** Where it throws; 1 where not given. */
  readonly failed?: ExitCode
  /**
   * Does it. `input` holds arguments and options by their names. Without a code returned, 0. What it throws becomes one line on
   * standard error. It stops when `io.signal` aborts: returns where that is how it ends, else lets the reason through.
   */
  run(input: ParameterValues<A> & ParameterValues<O>, io: Io): Promise<ExitCode | void>
}

export interface Command {
  readonly summary: string
  readonly details: string
  readonly example: readonly string[]
  readonly arguments: Parameters
  readonly options: Parameters
  readonly json: JsonShape
  readonly failed: ExitCode
  readonly run: (input: Readonly<Record<string, unknown>>, io: Io) => Promise<ExitCode | void>
}

/** Verbs under one name: `weirhouse topics create`. */
export interface Group {
  readonly summary: string
  readonly commands: Readonly<Record<string, Command>>
}

export type Verb = Command | Group

export function isGroup(verb: Verb): verb is Group {
  return 'commands' in verb
}

const noParameters = {}

export function defineCommand<A extends Parameters = typeof noParameters, O extends Parameters = typeof noParameters>(
  spec: CommandSpec<A, O>,
): Command {
  return {
    summary: spec.summary,
    details: spec.details ?? '',
    example: spec.example,
    arguments: spec.arguments ?? noParameters,
    options: spec.options ?? noParameters,
    json: spec.json ?? 'value',
    failed: spec.failed ?? 1,
    run: (input, io) => spec.run(input as ParameterValues<A> & ParameterValues<O>, io),
  }
}

export function defineGroup(group: Group): Group {
  return group
}
