/** Bugs of rewinds, each as a part around what ships, to see the explorer find them. */
import type { RewindTarget } from '../../src/sinks/rewind.ts'
import type { RewindPlant } from './rewind-world.ts'

/** The watermark alone tells that the log was read again. */
export const finishedTooSoon: RewindPlant = {
  ports: (ports) => ({ ...ports, committed: () => Promise.resolve(new Map([[0, Infinity]])) }),
}

/** No letter of all sinks keeps its record out. */
export const lettersForgotten: RewindPlant = { ports: (ports) => ({ ...ports, standing: () => Promise.resolve([]) }) }

function otherTargets(chosen: boolean, change: (target: RewindTarget) => Partial<RewindTarget>): RewindPlant {
  return {
    sinks: (sinks) =>
      sinks.map((sink) =>
        sink.chosen === chosen ? { ...sink, target: { ...sink.target, ...change(sink.target) } } : sink,
      ),
  }
}

/** What is to be written again stays. */
export const nothingRemoved = otherTargets(true, () => ({ remove: () => Promise.resolve(0) }))

/** What nothing replaced stays. */
export const nothingSwept = otherTargets(true, () => ({ sweep: () => Promise.resolve(0) }))

/** Other sinks do not learn where the log will be read again. */
export const othersNotTold = otherTargets(false, () => ({ change: () => Promise.resolve() }))

/** The keys of a claim that is under way stay free. */
export const claimLeftFree: RewindPlant = {
  clients: (clients) => ({
    ...clients,
    s3: {
      request: (request) =>
        request.headers?.['if-none-match'] === '*'
          ? Promise.resolve({ status: 200, headers: {}, body: Buffer.alloc(0) })
          : clients.s3.request(request),
    },
  }),
}
