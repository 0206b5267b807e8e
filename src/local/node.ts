/** A server's process that can be watched, killed and started again on the same ports and data. */
import { waitReady, type Running } from './process.ts'
import type { ProcessRecord, ServerNode, ServiceOptions } from './service.ts'

export interface NodeSpec {
  readonly server: string
  readonly launch: () => Promise<Running>
  readonly probe: () => Promise<boolean>
  readonly readyMs: number
  readonly onEnded: ServiceOptions['onEnded']
  /** Writes down the process that runs now, for a later claimFolder. */
  readonly onLaunched: (record: ProcessRecord) => void
}

export interface Node extends ServerNode {
  /** Resolves once it answers; from then on its end is told. */
  ready(): Promise<void>
  /** Its end is wanted, and not told. */
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** Throws WEIR_SERVER_START when the program cannot be run. */
export async function launchNode(spec: NodeSpec): Promise<Node> {
  const { server, launch, probe, readyMs, onEnded, onLaunched } = spec
  let answered = false
  let stopping = false
  let running: Running
  const watch = async (begun: Running) => {
    await begun.gone
    if (answered && !stopping) onEnded?.({ server, reason: begun.ended()!, log: begun.log })
  }
  const begin = async () => {
    answered = false
    const begun = await launch()
    running = begun
    onLaunched(begun.record)
    void watch(begun)
  }
  const ready = async () => {
    await waitReady(running, probe, readyMs)
    answered = true
  }
  await begin()
  return {
    server,
    record: () => running.record,
    ready,
    kill: () => running.stop('SIGKILL'),
    start: async () => {
      await begin()
      await ready()
    },
    stop: async (signal) => {
      stopping = true
      await running.stop(signal)
    },
  }
}
