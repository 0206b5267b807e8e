/** Global set-up of the integration suite: the three stores and Kafka. A test reads `inject('stores')`, `inject('kafka')`. */
import type { TestProject } from 'vitest/node'
import { startForTests } from './start.ts'

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stores, kafka, stop } = await startForTests(true)
  project.provide('stores', stores)
  project.provide('kafka', kafka!)
  return stop
}
