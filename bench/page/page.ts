/** docs/performance.md out of the results, and of what bench/notes says about them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Measurement, Measurements } from '../results.ts'
import { awsClientSection } from './aws-client.ts'
import { bundleSection } from './bundle.ts'
import { endToEndSection } from './end-to-end.ts'
import { handlerSection } from './handler.ts'
import { profileSection } from './profile.ts'
import { steadySection } from './steady.ts'

/** @param root of the repository: where bench/notes lies */
export function performancePage(root: string, results: Measurements): string {
  return `# Performance

Measured, not promised. This page is written by \`npm run bench\` out of \`bench/results\`; each section says when and on what. Where a
section says why something is as it is, the text is from \`bench/notes\`.

${section(root, 'handler', 'The handler, in memory', results.handler, handlerSection)}
${section(root, 'profile', 'Where the CPU goes', results.profile, profileSection)}
${section(root, 'end-to-end', 'End to end', results['end-to-end'], endToEndSection)}
${section(root, 'steady', 'A steady load', results.steady, steadySection)}
${section(root, 'bundle', 'The bundle', results.bundle, bundleSection)}
${section(root, 'aws-client', 'The client of AWS', results['aws-client'], awsClientSection)}`
}

function section<Result>(
  root: string,
  part: string,
  title: string,
  measurement: Measurement<Result> | undefined,
  text: (result: Result) => string,
): string {
  const body = measurement
    ? `${conditions(measurement)}\n\n${text(measurement.result)}`
    : `Not measured yet: \`npm run bench -- ${part}\`.`
  const file = join(root, 'bench/notes', `${part}.md`)
  const notes = existsSync(file) ? `\n${readFileSync(file, 'utf8').trimEnd()}\n` : ''
  return `## ${title}\n\n${body}\n${notes}`
}

function conditions({ date, machine, versions, load: [before, after] }: Measurement<unknown>): string {
  return `- Date: ${date}
- Machine: ${machine}
- Load average over one minute: ${before} as it began, ${after} as it ended. Above the number of cores, other work took part of the
  machine, and the times say as much about that work as about this one.
- Versions: ${Object.entries(versions)
    .map(([name, each]) => `${name} ${each}`)
    .join(', ')}`
}
