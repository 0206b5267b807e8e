import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configOptions } from '../../src/config/define.ts'
import { pipelineOptions } from '../../src/core/pipeline.ts'
import { errorsPage } from './errors.ts'
import { optionsPage } from './options.ts'
import { collectTests, withTests } from './promises.ts'

export const PROMISE_PAGES = ['docs/delivery.md', 'docs/event-source.md'] as const

/** Every page that is generated, whole or in part: path relative to the root, and its text. */
export function generatedPages(root: string): readonly (readonly [path: string, text: string])[] {
  const tests = collectTests(root)
  return [
    ['docs/errors.md', errorsPage()],
    [
      'docs/options/config.md',
      optionsPage('Options of weirhouse.config.ts', 'Given to `defineConfig({...})`.', configOptions),
    ],
    [
      'docs/options/pipeline.md',
      optionsPage(
        'Options of a pipeline',
        'Given to `pipeline({...})`, beside `decode`, `transform`, `order` and `sinks`, which are code.',
        pipelineOptions,
      ),
    ],
    ...PROMISE_PAGES.map((path) => [path, withTests(readFileSync(join(root, path), 'utf8'), tests)] as const),
  ]
}
