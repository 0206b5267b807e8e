/** Progress: whoever comes next can finish. */
import { watched, wrongIn } from './delivery-promises.ts'
import { command, deliver, end, isFinished, offered, outcomeOf, outcomesOf, take } from './delivery-steps.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import { processesOf, told } from './delivery-types.ts'
import type { Command, Parts, World } from './delivery-types.ts'

/** Steps that an undisturbed invocation takes at most. */
const MANY = 100

const twice = () => ['deliver', 'deliver'] as const

/** Times that a person comes back to what has halted again. */
const ROUNDS = 3

/**
 * From a quiet state fresh invocations, undisturbed, must bring the log to its end: two of them, or what the protocol says. What is
 * wrong comes with the steps that they took.
 */
export async function stuckFrom<Store>(parts: Parts<Store>, quiet: World<Store>): Promise<string | undefined> {
  const { ending = twice, wrongAtEnd } = parts.more
  const trace: string[] = []
  const wrong = (what: string) => `${what}\n  from there, undisturbed: ${trace.join('; ')}`
  let world = quiet
  for (let round = 0; round < ROUNDS; round++) {
    for (const task of ending(parts, world)) {
      if (task === 'deliver' && (isFinished(parts, world) || world[0].halted !== null)) continue
      const after = await runAlone(parts, world, task, (label) => trace.push(label))
      if (!after) return wrong('no progress: a fresh invocation waits for nobody')
      world = after
      const what = wrongIn(parts, world)
      if (what !== undefined) return wrong(what)
    }
    if (world[0].halted === null) break
    if (!wrongAtEnd) return undefined // wrongIn would have said so, were it not a way out
  }
  if (!isFinished(parts, world)) return wrong('no progress')
  const what = wrongAtEnd?.(parts, world)
  return what === undefined ? undefined : wrong(what)
}

/** To its end, without a disturbance. Undefined where it never comes there. */
export async function runAlone<Store>(
  parts: Parts<Store>,
  before: World<Store>,
  task: Command | 'deliver',
  say: (label: string) => void = () => undefined,
): Promise<World<Store> | undefined> {
  const i = processesOf(before).length
  const delivery = offered(parts, before[0])
  say(task === 'deliver' ? `deliver ${told(delivery)} to #${i}` : `#${i} is told to ${task.command}`)
  const begun = task === 'deliver' ? await deliver(parts, before, delivery, i) : await command(parts, before, task)
  const { world, ended } = await advance(parts, begun, i, MANY, say)
  return ended ? world : undefined
}

/** So many steps of one of them, without a disturbance, or to its end. */
export async function advance<Store>(
  parts: Parts<Store>,
  before: World<Store>,
  i: number,
  most: number,
  say: (label: string) => void = () => undefined,
): Promise<{ readonly world: World<Store>; readonly ended: boolean }> {
  let world = before
  for (let steps = 0; ; steps++) {
    const result = outcomeOf(parts, world, i)
    if (result) {
      say('failed' in result ? `-> ${result.failed}` : '-> done')
      return { world: end(parts, world, i, result), ended: true }
    }
    const step = steps < most ? await undisturbed(parts, world, i) : undefined
    if (!step) return { world, ended: false }
    say(step.label)
    world = step.state
  }
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
