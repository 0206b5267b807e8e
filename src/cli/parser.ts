/** Declarations become a commander program. Nothing here runs a verb: it only finds out which one, and with what. */
import { Argument, Command as Program, InvalidArgumentError, Option } from 'commander'
import { messageOf } from '../core/errors.ts'
import { DEFAULT_STACK } from '../local/stack-files.ts'
import type { Command, Verb } from './command.ts'
import { isGroup } from './command.ts'
import type { Parameter } from './options.ts'
import { kebab } from './options.ts'
import { verbs } from './verbs.ts'

export interface Chosen {
  readonly command: Command
  readonly input: Readonly<Record<string, unknown>>
  readonly globals: Globals
}

/** Options that every verb takes, wherever on the line they stand. */
export interface Globals {
  readonly json: boolean
  readonly stack: string
  readonly project: string
}

export const globalOptions = [
  ['--json', 'print JSON and nothing else on standard output'],
  ['--stack <name>', `the stack to work with (default: ${DEFAULT_STACK})`],
  ['--project <dir>', 'where to look for weirhouse.config.ts, upwards (default: the working folder)'],
] as const

const description =
  'Carries records from Apache Kafka through AWS Lambda into Amazon S3, PostgreSQL and DynamoDB, exactly once in effect.'

/**
 * Builds the program; of the verbs only `loaded` with its options. `choose` is called by `program.parse` with what the line
 * asks for. Usage errors, help and version arrive as CommanderError (exitOverride).
 */
export function buildProgram(
  version: string,
  loaded: ReadonlyMap<string, Verb>,
  choose: (chosen: Chosen) => void,
): Program {
  const program = quiet(new Program('weirhouse'))
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpCommand('help [verb]', 'show the help of a verb')
    .configureHelp({ showGlobalOptions: true })
  for (const [flags, text] of globalOptions) program.option(flags, text)
  for (const { name, summary } of verbs) {
    const verb = loaded.get(name)
    if (!verb) quiet(program.command(name)).description(summary).allowUnknownOption().action(unloaded)
    else if (isGroup(verb)) {
      const examples = Object.values(verb.commands).flatMap(({ example }) => example)
      const group = quiet(program.command(name))
        .description(`${verb.summary}.`)
        .addHelpText('after', exampleText(examples))
      for (const [inner, command] of Object.entries(verb.commands)) addCommand(program, group, inner, command, choose)
    } else addCommand(program, program, name, verb, choose)
  }
  return program
}

/** The words of the line that are no option of the program: the verb first. */
export function operandsOf(argv: readonly string[]): readonly string[] {
  const program = quiet(new Program())
  for (const [flags, text] of globalOptions) program.option(flags, text)
  return program.parseOptions([...argv]).operands
}

function unloaded(): never {
  throw new Error('the verb was not loaded')
}

/** Errors come out as exceptions, and main prints them: one shape for all. */
function quiet(program: Program): Program {
  return program.exitOverride().configureOutput({ writeErr: () => undefined })
}

function addCommand(
  program: Program,
  parent: Program,
  name: string,
  command: Command,
  choose: (chosen: Chosen) => void,
): void {
  const built = quiet(parent.command(name))
    .description(command.details ? `${command.summary}.\n\n${command.details}` : `${command.summary}.`)
    .summary(command.summary)
    .configureHelp({ showGlobalOptions: true })
    .allowExcessArguments(false)
    .addHelpText('after', exampleText(command.example))
  for (const [key, parameter] of Object.entries(command.arguments)) built.addArgument(toArgument(key, parameter))
  for (const [key, parameter] of Object.entries(command.options)) built.addOption(toOption(key, parameter))
  built.action(() => {
    const input: Record<string, unknown> = built.opts()
    for (const [key, { fallback }] of Object.entries(command.options)) input[key] ??= fallback
    Object.keys(command.arguments).forEach((key, i) => (input[key] = built.processedArgs[i]))
    const { json, stack, project } = program.opts<{ json?: boolean; stack?: string; project?: string }>()
    choose({
      command,
      input,
      globals: { json: json ?? false, stack: stack ?? DEFAULT_STACK, project: project ?? process.cwd() },
    })
  })
}

function exampleText(lines: readonly string[]): string {
  return `\nExample:\n${lines.map((line) => `  $ ${line}`).join('\n')}`
}

function toArgument(key: string, parameter: Parameter<unknown>): Argument {
  const name = parameter.value || kebab(key)
  const argument = new Argument(parameter.required ? `<${name}>` : `[${name}]`, parameter.text)
  return argument.argParser((raw: string) => parsed(parameter, raw))
}

function toOption(key: string, parameter: Parameter<unknown>): Option {
  const name = `--${kebab(key)}`
  const { kind, value, bare } = parameter
  const flags = { flag: name, optional: `${name} [${value}]`, value: `${name} <${value}>`, list: `${name} <${value}>` }
  const option = new Option(flags[kind], parameter.text)
  if (bare !== undefined) option.preset(bare)
  if (parameter.required) option.makeOptionMandatory()
  if (parameter.fallback !== undefined && parameter.kind === 'value') option.default(parameter.fallback)
  if (kind === 'value' || kind === 'optional') option.argParser((raw: string) => parsed(parameter, raw))
  if (parameter.kind === 'list')
    option.argParser((raw: string, before: readonly unknown[] | undefined) => [
      ...(before ?? []),
      parsed(parameter, raw),
    ])
  return option
}

function parsed(parameter: Parameter<unknown>, raw: string): unknown {
  try {
    return parameter.parse(raw)
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error))
  }
}
