/** Where the CPU goes while something runs: V8's own sampling profiler, self time by function. */
import { Session } from 'node:inspector/promises'
import type { Profiler } from 'node:inspector'
import type { Hot } from './start.ts'

const INTERVAL_MICROSECONDS = 200
const SHOWN = 14

export async function hotSpots(work: () => Promise<void>): Promise<Hot[]> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_MICROSECONDS })
    await session.post('Profiler.start')
    await work()
    const { profile } = await session.post('Profiler.stop')
    return sharesOf(profile)
  } finally {
    session.disconnect()
  }
}

function sharesOf({ nodes }: Profiler.Profile): Hot[] {
  const hits = new Map<string, number>()
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  let total = 0
  for (const { id, callFrame, hitCount = 0 } of nodes) {
    const name = nameOf(callFrame, parents.get(id)?.callFrame)
    if (name === '(idle)') continue
    total += hitCount
    hits.set(name, (hits.get(name) ?? 0) + hitCount)
  }
  return [...hits]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, count]) => ({ name, share: Number((count / total).toFixed(3)) }))
}

type Frame = Pick<Profiler.Profile['nodes'][number]['callFrame'], 'functionName' | 'url'>

/** A module of Node by its name; the bundle is one file. What has no name goes by its caller's. */
function nameOf({ functionName, url }: Frame, caller: Frame | undefined): string {
  const name = functionName === '' ? `${caller?.functionName || '(anonymous)'} => {}` : functionName
  return url.startsWith('node:') ? `${name} (${url})` : name
}
