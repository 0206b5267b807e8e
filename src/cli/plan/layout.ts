/** Text for a terminal of 100 columns. */

/** A part below its heading is indented by this. */
const INDENT = 2
const ROOM = 100 - INDENT

/** Lines that leave room for the indent of a part, each with `indent` before it. A word that is longer has a line of its own. */
export function wrapped(text: string, indent = 0): string {
  const room = ROOM - indent
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= room) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return indented(lines.join('\n'), indent)
}

export function indented(text: string, by: number): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `${' '.repeat(by)}${line}`))
    .join('\n')
}

/** Labels, and beside them what may run over several lines. */
export function pairs(rows: readonly (readonly [label: string, text: string])[], indent = 0): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return rows
    .map(([label, text]) => {
      const body = wrapped(text, indent + width)
      return `${' '.repeat(indent)}${label.padEnd(width)}${body.trimStart()}`
    })
    .join('\n')
}

/** One point of a list, its further lines under the first. */
export function point(text: string, indent = 0): string {
  return `${' '.repeat(indent)}- ${wrapped(text, indent + 2).trimStart()}`
}

/** Of the whole output. */
export function heading(text: string): string {
  return `${text}\n${'='.repeat(text.length)}`
}

/** Parts with a blank line between them, those that are empty left out. */
export function spaced(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n')
}

/** A heading of a part, and its text below. */
export function section(title: string, ...parts: readonly string[]): string {
  return `${title}\n${parts.map((part) => indented(part, INDENT)).join('\n')}`
}

/** `1 broker`, `2 brokers`, `10 GiB`. */
export function counted(quantity: number, unit: string): string {
  const number = quantity.toLocaleString('en-US', { maximumFractionDigits: 2 })
  if (quantity === 1 || /^G(i)?B$/.test(unit)) return `${number} ${unit}`
  return `${number} ${unit}${unit.endsWith('s') ? 'es' : 's'}`
}

export function dollars(usd: number, digits = 2): string {
  return `$${usd.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`
}
