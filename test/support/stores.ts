/** Global set-up of the contract suite: the three stores. A test reads `inject('stores')`. */
import type { TestProject } from 'vitest/node'
import { startForTests } from './start.ts'

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stores, stop } = await startForTests(false)
  project.provide('stores', stores)
  return stop
}
