/** The raw numbers: one file a part, with what they were measured on. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { KAFKA_VERSION } from '../src/core/kafka-release.ts'
import type { PartName, PartResult } from './parts.ts'

export interface Measurement<Result> {
  readonly part: string
  readonly date: string
  readonly machine: string
  /** Processes that wanted a core as the run began and as it ended: over the number of cores, others were at work. */
  readonly load: readonly [before: number, after: number]
  readonly versions: Readonly<Record<string, string>>
  readonly result: Result
}

export type Measurements = { readonly [Name in PartName]?: Measurement<PartResult<Name>> }

/** Of the repository at `root`. A part that was never measured is left out. */
export function readResults(root: string): Measurements {
  const names: readonly PartName[] = ['handler', 'profile', 'end-to-end', 'steady', 'aws-client', 'bundle']
  return Object.fromEntries(
    names.flatMap((name) => {
      const file = fileOf(root, name)
      return existsSync(file) ? [[name, JSON.parse(readFileSync(file, 'utf8')) as unknown]] : []
    }),
  )
}

export function writeResult(root: string, measurement: Measurement<unknown>): void {
  writeFileSync(fileOf(root, measurement.part), `${JSON.stringify(measurement, null, 2)}\n`)
}

/** Runs a part and says on what. */
export async function measured<Result>(
  root: string,
  part: string,
  run: () => Promise<Result>,
): Promise<Measurement<Result>> {
  const before = load()
  const result = await run()
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return {
    part,
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} x ${cpus()[0]!.model}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${type()} ${release()}`,
    load: [before, load()],
    versions: { weirhouse: version, node: process.versions.node, kafka: KAFKA_VERSION },
    result,
  }
}

function load(): number {
  return Math.round(loadavg()[0]! * 10) / 10
}

function fileOf(root: string, part: string): string {
  return join(root, 'bench/results', `${part}.json`)
}
