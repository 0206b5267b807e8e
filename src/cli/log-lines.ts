/** Log lines for a person who watches. Pure. `weirhouse logs` shows the same lines as they are. */
import type { LogLine } from '../operations/logs.ts'

/** What a line says of itself in other columns, or what says nothing to a reader. */
const LEFT_OUT = new Set(['timestamp', 'level', 'message', 'requestId', 'pipeline', 'functionName'])
/** Node's runtime on Lambda: time, request id, level, text. */
const CONSOLE = /^\d{4}-\d\d-\d\dT[\d:.]+Z\t[\w-]+\t([A-Z]+)\t([^]*)$/

/** The text after time and name; undefined for metrics, which are for CloudWatch. Lambda's own lines stay as they are. */
export function readableMessage({ message }: Pick<LogLine, 'message'>): string | undefined {
  const fields = objectOf(message)
  if (fields === undefined) {
    const printed = CONSOLE.exec(message)
    return printed ? `${level(printed[1]!)}${thrown(printed[2]!.trimEnd())}` : message.trimEnd()
  }
  if ('_aws' in fields) return undefined
  if (typeof fields.message !== 'string') return message.trimEnd()
  const more = Object.entries(fields).flatMap(([name, value]) =>
    LEFT_OUT.has(name) ? [] : [`${name}=${plain(value)}`],
  )
  return [`${level(fields.level)}${fields.message}`, ...more].join(' ')
}

/** `12:01:02.123 demo  text`, further lines of the text under its first. The time is that of the machine's zone. */
export function readableLine(line: LogLine, nameOf: (functionName: string) => string): string | undefined {
  const text = readableMessage(line)
  if (text === undefined) return undefined
  const head = `${clock(line.timestamp)} ${nameOf(line.function)}  `
  return `${head}${text.replaceAll('\n', `\n${' '.repeat(head.length)}`)}`
}

/** Information is the rule and needs no word. */
function level(value: unknown): string {
  return typeof value === 'string' && value !== 'INFO' ? `${value} ` : ''
}

function plain(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value)
  return compact(value)
}

/** What the runtime client says of a handler that threw: `Invoke Error \t{"errorType": ..., "stack": [...]}`. */
function thrown(text: string): string {
  const [, head, json] = /^([^\t]*?) ?\t(\{[^]*)$/.exec(text) ?? []
  const stack = json === undefined ? undefined : objectOf(json)?.stack
  return Array.isArray(stack) ? `${head}: ${stack.join('\n')}` : text
}

/** `{lake: {rows: 1}, sql: {}}`: of counts by name, what is zero goes without saying. */
function compact(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(whole).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return braces(
    Object.entries(value).filter(([, inner]) => inner !== 0 && inner !== false),
    compact,
  )
}

function whole(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(whole).join(', ')}]`
  return typeof value === 'object' && value !== null ? braces(Object.entries(value), whole) : String(value)
}

function braces(entries: readonly (readonly [string, unknown])[], text: (value: unknown) => string): string {
  return `{${entries.map(([name, value]) => `${name}: ${text(value)}`).join(', ')}}`
}

function clock(timestamp: number): string {
  const time = new Date(timestamp)
  const two = (value: number) => String(value).padStart(2, '0')
  const milliseconds = String(time.getMilliseconds()).padStart(3, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${milliseconds}`
}

function objectOf(message: string): Readonly<Record<string, unknown>> | undefined {
  if (!message.startsWith('{')) return undefined
  try {
    return JSON.parse(message) as Readonly<Record<string, unknown>>
  } catch {
    return undefined // a line of a person's own that only begins like JSON
  }
}
