import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performancePage } from '../../bench/page/page.ts'
import { readResults } from '../../bench/results.ts'
import { configOptions } from '../../src/config/define.ts'
import { environmentOptions } from '../../src/config/environments.ts'
import { pipelineOptions } from '../../src/core/pipeline-options.ts'
import { dynamodbOptions } from '../../src/sinks/dynamodb/options.ts'
import { postgresOptions } from '../../src/sinks/postgres/options.ts'
import { s3Options } from '../../src/sinks/s3/options.ts'
import { errorsPage } from './errors.ts'
import { faultsPage } from './faults.ts'
import { optionsPage } from './options.ts'
import { collectTests, withTests } from './promises.ts'
import { rulesPage } from './rules.ts'

export const PROMISE_PAGES = ['docs/delivery.md', 'docs/event-source.md'] as const

/** Every page that is generated, whole or in part: path relative to the root, and its text. */
export function generatedPages(root: string): readonly (readonly [path: string, text: string])[] {
  const tests = collectTests(root)
  return [
    ['docs/errors.md', errorsPage()],
    ['docs/faults.md', faultsPage()],
    ['docs/template-rules.md', rulesPage()],
    [
      'docs/options/config.md',
      optionsPage('Options of weirhouse.config.ts', 'Given to `defineConfig({...})`.', configOptions),
    ],
    [
      'docs/options/environment.md',
      optionsPage(
        'Options of an environment',
        'Given by name to `environments` of `defineConfig({...})`. Where there is no default the preset decides: [aws.md](../aws.md) says what each takes.',
        environmentOptions,
      ),
    ],
    [
      'docs/options/pipeline.md',
      optionsPage(
        'Options of a pipeline',
        'Given to `pipeline({...})`, beside `decode`, `transform`, `order` and `sinks`, which are code.',
        pipelineOptions,
      ),
    ],
    ['docs/options/s3.md', optionsPage('Options of the S3 sink', given('s3'), s3Options)],
    ['docs/options/postgres.md', optionsPage('Options of the PostgreSQL sink', given('postgres'), postgresOptions)],
    ['docs/options/dynamodb.md', optionsPage('Options of the DynamoDB sink', given('dynamodb'), dynamodbOptions)],
    ['docs/performance.md', performancePage(root, readResults(root))],
    ...PROMISE_PAGES.map((path) => [path, withTests(readFileSync(join(root, path), 'utf8'), tests)] as const),
  ]
}

function given(sink: string): string {
  return `Given to \`${sink}({...})\` of \`weirhouse/sinks/${sink}\`, beside \`row: (row, record) => ...\`, which maps the pipeline's row to this sink's.`
}
