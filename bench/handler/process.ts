/**
 * The process of one contestant in one cell. Told by its parent to run, it writes event after event and tells what that
 * took: CPU is this process's alone, time is that of the handler, events are made off the clock.
 */
import type { Contestant } from './contestant.ts'
import { hotSpots } from './hot-spots.ts'
import { eventAt } from './records.ts'
import { START_VARIABLE } from './start.ts'
import type { ContestantName, Spent, Start, Turn } from './start.ts'

const { contestant: name, workload, targets, bundle } = JSON.parse(process.env[START_VARIABLE]!) as Start
// Each loads its own libraries alone: memory is on its account.
const open: Readonly<Record<ContestantName, () => Promise<Contestant>>> = {
  weirhouse: async () => (await import('./contestants/weirhouse.ts')).shipped(bundle),
  careful: async () => (await import('./contestants/careful.ts')).careful(targets),
  naive: async () => (await import('./contestants/naive.ts')).naive(targets),
  ceiling: async () => (await import('./contestants/ceiling.ts')).ceiling(targets),
}
const contestant = await open[name]()
let next = 0

async function run({ milliseconds, events, profile }: Turn): Promise<Spent> {
  if (profile) return profiled(events)
  const each: number[] = []
  let total = 0
  let cpuMicroseconds = 0
  while (total < milliseconds || each.length < events) {
    const go = contestant.prepare(eventAt(next, workload))
    next += workload.size
    const before = process.cpuUsage()
    const start = performance.now()
    await go()
    const spent = performance.now() - start
    const { user, system } = process.cpuUsage(before)
    cpuMicroseconds += user + system
    total += spent
    each.push(spent)
  }
  const { maxRSS } = process.resourceUsage()
  return { records: each.length * workload.size, milliseconds: total, each, cpuMicroseconds, peakBytes: maxRSS * 1024 }
}

async function profiled(events: number): Promise<Spent> {
  const ready = Array.from({ length: events }, (_, i) =>
    contestant.prepare(eventAt(next + i * workload.size, workload)),
  )
  next += events * workload.size
  const each: number[] = []
  const before = process.cpuUsage()
  const hot = await hotSpots(async () => {
    for (const go of ready) {
      const start = performance.now()
      await go()
      each.push(performance.now() - start)
    }
  })
  const { user, system } = process.cpuUsage(before)
  const milliseconds = each.reduce((sum, one) => sum + one, 0)
  const records = events * workload.size
  return { records, milliseconds, each, cpuMicroseconds: user + system, peakBytes: 0, profile: hot }
}

process.on('message', (turn: Turn) => {
  run(turn).then(
    (spent) => process.send!(spent),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit(0))
process.send!('ready')
