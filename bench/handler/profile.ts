/** Where the handler's CPU goes, 10,000 small records an event, by combination of stores. */
import { Client } from 'pg'
import { startStores } from '../servers.ts'
import type { Plan } from './cells.ts'
import { deployAll, startContestant, takeTurn } from './run.ts'
import type { Hot } from './start.ts'

export interface ProfileResult {
  readonly profiles: readonly {
    readonly combination: string
    /** Under the profiler, which has a price of its own. */
    readonly cpuMicroseconds: number
    readonly hot: readonly Hot[]
  }[]
}

const WARM_UP_EVENTS = 10

export async function profileHandler(
  { cells }: Pick<Plan, 'cells'>,
  events: number,
  progress: (line: string) => void,
): Promise<ProfileResult> {
  const servers = await startStores()
  const client = new Client({ ...servers.stores.postgres })
  try {
    await client.connect()
    const bundles = await deployAll({ cells }, servers, client, true)
    const profiles = []
    for (const [partition, cell] of cells.entries()) {
      const child = await startContestant({ cell, partition, servers, bundles }, 'weirhouse')
      await takeTurn(child, { milliseconds: 0, events: WARM_UP_EVENTS })
      const {
        cpuMicroseconds,
        records,
        profile: hot = [],
      } = await takeTurn(child, { milliseconds: 0, events, profile: true })
      child.kill()
      const each = {
        combination: cell.combination.name,
        cpuMicroseconds: Number((cpuMicroseconds / records).toFixed(2)),
        hot,
      }
      profiles.push(each)
      progress(
        `${each.combination}: ${hot.map(({ name, share }) => `${name} ${Math.round(share * 100)} %`).join(', ')}`,
      )
    }
    return { profiles }
  } finally {
    await client.end()
    await servers.stop()
  }
}
