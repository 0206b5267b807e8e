import * as v from 'valibot'
import { describe, parseOptions } from '../core/options.ts'

/** What weirhouse.config.ts holds. */
export const configOptions = v.strictObject({
  pipelines: describe(
    v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1, 'name one pipeline at least')),
    'Modules, relative to this file, that each default-export one pipeline. Paths, not values: a function ships only what its own module imports.',
  ),
})

export type Config = v.InferOutput<typeof configOptions>

/** Checks a configuration. Throws WEIR_DEFINITION_INVALID. */
export function defineConfig(config: v.InferInput<typeof configOptions>): Config {
  return parseOptions(configOptions, config, 'weirhouse.config.ts')
}
