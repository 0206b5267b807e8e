import Table from 'cli-table3'

const nothing = ''
/** No frames: what awk and a person both read. */
const plain = {
  top: nothing,
  'top-mid': nothing,
  'top-left': nothing,
  'top-right': nothing,
  bottom: nothing,
  'bottom-mid': nothing,
  'bottom-left': nothing,
  'bottom-right': nothing,
  left: nothing,
  'left-mid': nothing,
  mid: nothing,
  'mid-mid': nothing,
  right: nothing,
  'right-mid': nothing,
  middle: '  ',
}

export type Cell = string | number | boolean | null

/**
 * Columns under their heads, without colour; null is a dash. Numbers stand to the right. A column with a width, by its head,
 * breaks what is wider into lines.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  widths: Readonly<Record<string, number>> = {},
): string {
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'))
  const built = new Table({
    head: [...head],
    chars: plain,
    colWidths: head.map((name) => widths[name] ?? null),
    wordWrap: true,
    colAligns: numeric.map((right) => (right ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  built.push(...rows.map((row) => row.map((cell) => (cell === null ? '-' : oneLine(String(cell))))))
  return built
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Control characters would break the columns, or steer the terminal. */
function oneLine(cell: string): string {
  return cell.replaceAll(/\p{Cc}/gu, (char) => JSON.stringify(char).slice(1, -1))
}
