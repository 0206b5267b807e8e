/** Progress: whoever comes next can finish. */
import { watched, wrongIn } from './delivery-promises.ts'
import { deliver, end, isFinished, offered, outcomeOf, outcomesOf, take } from './delivery-steps.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import { processesOf, told } from './delivery-types.ts'
import type { Parts, World } from './delivery-types.ts'

/** Steps that an undisturbed invocation takes at most. */
const MANY = 100

/**
 * From a quiet state two fresh invocations, undisturbed, must bring the log to its end. What is wrong comes with the steps
 * that they took.
 */
export async function stuckFrom<Store>(parts: Parts<Store>, quiet: World<Store>): Promise<string | undefined> {
  let world = quiet
  const trace: string[] = []
  const wrong = (what: string) => `${what}\n  from there, undisturbed: ${trace.join('; ')}`
  for (let fresh = 0; fresh < 2 && !isFinished(parts, world); fresh++) {
    const i = processesOf(world).length
    const delivery = offered(parts, world[0])
    trace.push(`deliver ${told(delivery)} to #${i}`)
    world = await deliver(parts, world, delivery, i)
    for (let steps = 0; steps < MANY; steps++) {
      const result = outcomeOf(parts, world, i)
      if (result) {
        trace.push('failed' in result ? `-> ${result.failed}` : '-> done')
        world = end(parts, world, i, result)
        break
      }
      const step = await undisturbed(parts, world, i)
      if (!step) return wrong('no progress: a fresh invocation waits for nobody')
      trace.push(step.label)
      world = step.state
    }
    const what = wrongIn(parts, world)
    if (what !== undefined) return wrong(what)
    if (world[0].halted !== null) return undefined // wrongIn would have said so, were it not a way out
  }
  return isFinished(parts, world) ? undefined : wrong('no progress')
}

async function undisturbed<Store>(
  parts: Parts<Store>,
  world: World<Store>,
  i: number,
): Promise<Step<World<Store>> | undefined> {
  const process = processesOf(world)[i]!
  for (const call of parts.machine.at(process.point).calls)
    for (const outcome of outcomesOf(parts, world, i, process, call).filter(({ fault }) => !fault))
      return { label: `#${i} ${outcome.label}`, state: await take(parts, world, i, call, outcome) }
  for (const { label, store } of parts.store.own(world[2])) {
    const [mapping, witness, , ...processes] = world
    return { label, state: [mapping, watched(parts, witness, store), store, ...processes] }
  }
  return undefined
}
