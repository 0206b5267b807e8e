/** The mapping that a definition gets: the presets of docs/delivery.md, D16. */
import { expect, test } from 'vitest'
import { LONGEST_PAUSE_MS, pauseMs } from '../src/event-source/failures.ts'
import { mappingSettings } from '../src/event-source/settings.ts'

test('D16: no setting of the mapping ends its retries, drops old records, bisects or gives up to a destination', () => {
  const settings = mappingSettings({ uuid: '0000', functionName: 'f', topics: ['t'] })
  const givesUp = Object.keys(settings).filter((name) => /retry|attempt|age|bisect|destination|failure/i.test(name))
  expect(givesUp).toEqual([])
})

test('D16: however often a batch has failed, it comes again within a bounded time', () => {
  for (const tries of [1, 10, 1_000, 1_000_000]) {
    expect(pauseMs(tries, () => 0.999)).toBeLessThanOrEqual(LONGEST_PAUSE_MS)
    expect(pauseMs(tries, () => 0.999)).toBeGreaterThan(0)
  }
})
