import { defineConfig } from 'vitest/config'

// Vitest gives these to Node as --conditions: `import` among them would have `require` load ES modules, and pg fail.
const conditions = ['source', 'node']
const shared = { resolve: { conditions }, ssr: { resolve: { conditions } } }

/** Tests wait a lot: for stores, for sessions to end. Two files at a time fill each other's pauses, also on two cores. */
const maxWorkers = 2

/**
 * Time-outs are there for what hangs: on a machine that others use too, the slowest test of a suite takes four times what it
 * takes on a quiet one.
 *
 * Suites by what they need: unit none; contract the stores; integration the stores and Kafka; chaos a stack of its own; aws Python; package a packed tarball.
 */
export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts', 'examples/**/*.test.ts'],
          testTimeout: 60_000,
          maxWorkers,
        },
      },
      {
        ...shared,
        test: { name: 'simulation', include: ['test/simulation/**/*.test.ts'], maxWorkers, testTimeout: 600_000 },
      },
      {
        ...shared,
        test: {
          name: 'contract',
          include: ['test/contract/**/*.test.ts'],
          globalSetup: ['test/support/stores.ts'],
          maxWorkers,
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/support/servers.ts'],
          maxWorkers,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      { ...shared, test: { name: 'chaos', include: ['test/chaos/**/*.test.ts'], testTimeout: 480_000 } },
      {
        ...shared,
        test: {
          name: 'aws',
          include: ['test/aws/**/*.test.ts'],
          globalSetup: ['test/support/aws-python.ts'],
          maxWorkers,
          testTimeout: 360_000,
          hookTimeout: 300_000,
        },
      },
      {
        ...shared,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: ['test/support/tarball.ts'],
          fileParallelism: false,
          testTimeout: 360_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
})
