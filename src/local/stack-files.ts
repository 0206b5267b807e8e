/** Where a local stack keeps its files: under the project, one folder a stack. */
import { join } from 'node:path'

export const DEFAULT_STACK = 'default'

/** Names of stacks become folder names. */
const STACK_NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/

export function isStackName(name: string): boolean {
  return STACK_NAME.test(name)
}

/** `root` is the project's root: the folder of weirhouse.config.ts. */
export function stackFolder(root: string, name: string): string {
  return join(root, '.weirhouse', 'stacks', name)
}

/** What `weirhouse status --json` prints, mode 0600: a Target (operations/target.ts). */
export function statusFile(root: string, name: string): string {
  return join(stackFolder(root, name), 'status.json')
}
