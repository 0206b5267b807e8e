/**
 * Every verb, in the order of `weirhouse --help`. The help is printed from this table alone: a verb's file, and what it
 * depends on, is loaded only when that verb runs.
 */
import type { Verb } from './command.ts'

export interface VerbEntry {
  readonly name: string
  /** The same as in the verb's own file; a test holds them equal. */
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Verb }>
}

export const verbs: readonly VerbEntry[] = [
  {
    name: 'logs',
    summary: 'Print the log of the functions, all instances merged by time',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'invoke',
    summary: 'Invoke a function with an event from a file',
    load: () => import('./commands/invoke.ts'),
  },
]
