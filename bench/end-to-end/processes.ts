/** What functions used, as the kernel counts it. Linux only; elsewhere 0. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  readonly cpuMicroseconds: number
  /** Of the greatest process. */
  readonly peakMb: number
}

/** proc(5): clock ticks; 100 a second on every architecture that Linux runs Node.js on. */
const MICROSECONDS_A_TICK = 10_000

/** Of every living process that runs this function. */
export function functionUsage(functionName: string): Usage {
  if (process.platform !== 'linux') return { cpuMicroseconds: 0, peakMb: 0 }
  const mark = `AWS_LAMBDA_FUNCTION_NAME=${functionName}\0`
  const usages = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => usageOf(pid, mark) ?? [])
  return {
    cpuMicroseconds: usages.reduce((sum, { cpuMicroseconds }) => sum + cpuMicroseconds, 0),
    peakMb: Math.max(0, ...usages.map(({ peakMb }) => peakMb)),
  }
}

function usageOf(pid: string, mark: string): Usage | undefined {
  try {
    if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark)) return undefined
    // Fields 14 and 15, counted from the end of the name in parentheses, which may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const peak = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0
    return { cpuMicroseconds: ticks * MICROSECONDS_A_TICK, peakMb: Math.ceil(Number(peak) / 1024) }
  } catch {
    return undefined // ended meanwhile, or somebody else's
  }
}
