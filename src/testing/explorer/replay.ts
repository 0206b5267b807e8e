/**
 * Shipped asynchronous code as a step machine. A program reaches the world through one port alone; each call parks there
 * until it is given an answer. Code without clock and chance is a function of the answers it got: so the state of a program
 * *is* the history of what it was given, a number names it, and it is reached again by giving the same to a fresh one.
 */
import { canonicalJson } from './explore.ts'

/** Sends a request to the world. Requests and answers are plain data; whoever wraps the port throws what is to be thrown. */
export type Port = (request: unknown) => Promise<unknown>

/** Opens the program, as a cold start does, and gives what handles one input after the other. */
export type Program<Input> = (port: Port) => (input: Input) => Promise<unknown>

/** A call without answer. */
export interface Call {
  /** Counts the program's calls. */
  readonly id: number
  readonly request: unknown
}

export interface Point {
  /** Calls that wait, in the order in which they were made. */
  readonly calls: readonly Call[]
  /** What the input came to; absent while it is worked on, and before the first. */
  readonly outcome?: unknown
}

type Given<Input> = { readonly input: Input } | { readonly id: number; readonly answer: unknown }

export interface Replayed<Input> {
  /** Before the first input. */
  readonly start: number
  at(point: number): Point
  /** The point that follows. Resolved at once where it is known. */
  give(point: number, given: Given<Input>): number | Promise<number>
  /** Programs run so far, from the start or onwards. */
  runs(): number
}

interface Node<Input> extends Point {
  readonly from: number
  readonly given: Given<Input> | undefined
  readonly next: Map<string, number>
  /** A run that stands here; taken by the first that goes on from here. */
  run: Run<Input> | undefined
}

export function replayed<Input>(program: Program<Input>): Replayed<Input> {
  const nodes: Node<Input>[] = []
  let runs = 0
  const add = (from: number, given: Given<Input> | undefined, run: Run<Input>): number => {
    nodes.push({ from, given, next: new Map(), run, ...run.point() })
    return nodes.length - 1
  }
  const start = add(-1, undefined, begin(program))

  const arrive = async (point: number): Promise<Run<Input>> => {
    const { run } = nodes[point]!
    if (run) {
      nodes[point]!.run = undefined
      return run
    }
    const path: Node<Input>[] = []
    for (let at = point; at !== start; at = nodes[at]!.from) path.push(nodes[at]!)
    const fresh = begin(program)
    for (const { given, calls } of path.toReversed()) {
      await fresh.give(given!)
      if (canonicalJson(fresh.point().calls) !== canonicalJson(calls))
        throw new Error('the same answers led another way: the program is not a function of them')
    }
    return fresh
  }
  const extend = async (point: number, given: Given<Input>, key: string): Promise<number> => {
    runs++
    const run = await arrive(point)
    await run.give(given)
    const number = add(point, given, run)
    nodes[point]!.next.set(key, number)
    return number
  }
  return {
    start,
    at: (point) => nodes[point]!,
    give(point, given) {
      const key = canonicalJson(given)
      return nodes[point]!.next.get(key) ?? extend(point, given, key)
    },
    runs: () => runs,
  }
}

interface Run<Input> {
  give(given: Given<Input>): Promise<void>
  point(): Point
}

function begin<Input>(program: Program<Input>): Run<Input> {
  const waiting = new Map<number, { readonly call: Call; readonly resolve: (answer: unknown) => void }>()
  let count = 0
  let outcome: { readonly value: unknown } | undefined
  const handle = program((request) => {
    const call = { id: count++, request }
    return new Promise((resolve) => waiting.set(call.id, { call, resolve }))
  })
  return {
    async give(given) {
      if ('input' in given) {
        outcome = undefined
        void handle(given.input).then((value) => (outcome = { value }))
      } else {
        const answered = waiting.get(given.id)
        if (!answered) throw new Error(`call ${given.id} does not wait`)
        waiting.delete(given.id)
        answered.resolve(given.answer)
      }
      await settled()
    },
    point: () => ({
      calls: [...waiting.values()].map(({ call }) => call),
      ...(outcome ? { outcome: outcome.value } : {}),
    }),
  }
}

/** Everything that the program does without the port is done: an immediate runs after the last microtask. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
