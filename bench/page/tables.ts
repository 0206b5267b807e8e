/** Figures as the page shows them. */
export const number = (value: number) => value.toLocaleString('en')

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

/** `1.92`: how many times as much; nothing where there is nothing to compare with. */
export function ratio(value: number, of: number | undefined): string {
  return of === undefined || of === 0 ? '' : (value / of).toFixed(2)
}

/** Whether a target was reached, and how far it is where it was not. `least`: more is better. */
export function verdict(value: number, target: number, least: boolean): string {
  const reached = least ? value >= target : value <= target
  if (reached) return 'reached'
  const share = least ? 1 - value / target : value / target - 1
  return `missed by ${Math.max(1, Math.round(share * 100))} %`
}
