import { test } from 'vitest'
import { sinkContract } from 'weirhouse/testing'
import { sqliteHarness } from './harness.ts'

for (const { name, run } of sinkContract(sqliteHarness(true))) test(name, run)
for (const { name, run } of sinkContract(sqliteHarness(false))) test(`append: ${name}`, run)
