import type { ProfileResult } from '../handler/profile.ts'
import { markdownTable } from './tables.ts'

export function profileSection({ profiles }: ProfileResult): string {
  const rows = profiles.map(({ combination, hot }) => [
    combination,
    hot.map(({ name, share }) => `\`${name}\` ${Math.round(share * 100)}`).join(', '),
  ])
  return `The handler at 10,000 records of 66 bytes an event, bundled with its names kept: share of the CPU time of the process spent in each
function itself, callees left out, in %. What the profiler does not see, such as compression in Node's own threads, is not in it.

${markdownTable(['stores', 'greatest shares'], rows)}`
}
