/** The format of `java.util.Properties.load`, as its documentation has it. */

export interface Property {
  readonly key: string
  readonly value: string
  /** Where it begins, from 1. */
  readonly line: number
}

/** What is no property file, with the line. */
export class PropertiesFault extends Error {
  readonly line: number
  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

/** In order, doubles kept. `text` is the file read as ISO-8859-1, as Java reads it. Throws PropertiesFault. */
export function parseJavaProperties(text: string): Property[] {
  return logicalLines(text).map(({ text: line, number }) => parseLine(line, number))
}

interface Line {
  readonly text: string
  readonly number: number
}

/**
 * A line that ends with an odd number of backslashes goes on in the next, whose leading blanks do not count. Comments
 * and blank lines are none, and no comment goes on.
 */
function logicalLines(text: string): Line[] {
  const natural = text.split(/\r\n|\n|\r/)
  const lines: Line[] = []
  for (let i = 0; i < natural.length; i++) {
    let line = withoutLead(natural[i]!)
    // a backslash alone begins nothing that could go on: what follows may be a comment
    if (line === '' || line === '\\' || line.startsWith('#') || line.startsWith('!')) continue
    const number = i + 1
    while (goesOn(line)) line = line.slice(0, -1) + withoutLead(natural[++i] ?? '')
    lines.push({ text: line, number })
  }
  return lines
}

function withoutLead(line: string): string {
  return line.replace(/^[ \t\f]+/, '')
}

function goesOn(line: string): boolean {
  return /\\*$/.exec(line)![0].length % 2 === 1
}

/** The key ends at the first `=`, `:` or blank that has no backslash; one separator and blanks around it are no value. */
function parseLine(line: string, number: number): Property {
  const key = /^(?:\\.|[^\\=: \t\f])*/s.exec(line)![0]
  const value = line.slice(key.length).replace(/^[ \t\f]*[=:]?[ \t\f]*/, '')
  return { key: unescape(key, number), value: unescape(value, number), line: number }
}

const ESCAPED: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' }

function unescape(text: string, line: number): string {
  return text.replaceAll(/\\(u.{0,4}|.)/gs, (_, escape: string) => {
    if (!escape.startsWith('u')) return ESCAPED[escape] ?? escape
    if (!/^u[\da-fA-F]{4}$/.test(escape)) throw new PropertiesFault(line, 'four hexadecimal digits after \\u')
    return String.fromCharCode(Number.parseInt(escape.slice(1), 16))
  })
}
