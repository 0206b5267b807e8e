import { WeirError } from '../core/errors.ts'
import type { Stack } from '../local/stack.ts'
import type { Io } from './io.ts'
import { findTarget } from './target.ts'

const MAX_STACKS = 50

/** Under `--stack`, or the first of `name-2`, `name-3` ... that is not up, so that two stacks stand side by side. */
export async function startFree(io: Io, start: (name: string) => Promise<Stack>): Promise<Stack> {
  for (let n = 1; ; n++) {
    const stack = n === 1 ? io.stack : `${io.stack}-${n}`
    if (n < MAX_STACKS && (await findTarget({ stack, project: io.project }))) continue
    try {
      const started = await start(stack)
      if (n > 1) io.note(`Stack "${io.stack}" is up already; this one is "${stack}": give the verbs --stack ${stack}.`)
      return started
    } catch (error) {
      // Another one that starts right now has taken the name.
      if (n === MAX_STACKS || !(error instanceof WeirError && error.code === 'WEIR_ALREADY_UP')) throw error
    }
  }
}
