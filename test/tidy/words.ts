/** Words that must not stand in the tree, each with what to do instead. Split, so that this file holds none of them. */
import type { SourceFile } from './tree.ts'

export interface Ban {
  readonly what: string
  readonly pattern: RegExp
  readonly instead: string
  /** Where it applies; everywhere where not given. */
  readonly only?: RegExp
}

const join = (...parts: readonly string[]) => parts.join('')
const CODE = /^(src|test|scripts|bin|bench|examples|pipelines|samples)\/.*\.(ts|mjs)$/

export const bans: readonly Ban[] = [
  {
    what: "a path of somebody's machine",
    pattern: new RegExp(join('(?:^|[\\s"\'`(=:])/(?:', 'work|root|Users|home', ')/[a-z]'), 'm'),
    instead: 'make it relative, or take it from the environment',
  },
  {
    what: "a package registry's host",
    pattern: new RegExp(
      ['registry\\.npm', 'repo1?\\.maven', 'proxy\\.golang', 'files\\.pythonhosted', 'static\\.crates']
        .join('|')
        .replaceAll('npm', join('npm', 'js')),
    ),
    instead: "leave the registry to the user's configuration",
  },
  {
    what: 'work left for later',
    pattern: new RegExp(join('\\b(?:TO', 'DO|FIX', 'ME|XX', 'X|HA', 'CK)\\b')),
    instead: 'do it, or write an issue',
    only: CODE,
  },
  {
    what: 'a skipped or focused test',
    pattern: new RegExp(join('\\b(?:test|it|describe)\\.(?:sk', 'ip|on', 'ly|to', 'do|skipIf|runIf)\\b')),
    instead: 'mend it or delete it',
    only: CODE,
  },
]

/** One line a find: file, line, what, and what to do. */
export function bannedWords(files: readonly SourceFile[], list: readonly Ban[] = bans): string[] {
  return files.flatMap(({ path, text }) =>
    list.flatMap(({ what, pattern, instead, only }) => {
      if (only && !only.test(path)) return []
      return text
        .split('\n')
        .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${what}: ${instead}`] : []))
    }),
  )
}
