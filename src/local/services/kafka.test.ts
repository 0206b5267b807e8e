import { expect, test } from 'vitest'
import { metaProperties } from './kafka.ts'

const cluster = 'w2e5LWd88Cf8yDx2G_4qjw'

test('a node has the same folder id at each start, and no two nodes share one', () => {
  const idOf = (node: number) => metaProperties(cluster, node).find((line) => line.startsWith('directory.id='))
  expect(idOf(1)).toMatch(/^directory\.id=[\w-]{22}$/)
  expect(idOf(1)).toBe(idOf(1))
  expect(new Set([idOf(0), idOf(1), idOf(2)]).size).toBe(3)
})
