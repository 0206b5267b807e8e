/**
 * An exhaustive explorer of step machines: every order of steps from a first state, each state visited once.
 *
 * A state is a tuple of plain values (the ledger, the bucket, each invocation ...): two states are one when their parts
 * have the same canonical JSON. Parts are interned, so that a state costs a few numbers and a step pays only for the
 * parts it changed. Breadth first: the trace to a violation is a shortest one.
 */

export type Parts = readonly unknown[]

export interface Step<State extends Parts> {
  /** One line for the trace. */
  readonly label: string
  readonly state: State
  /** How often a random walk takes it, against the others: crashes at every turn would end each walk early. @default 1 */
  readonly weight?: number
}

export interface Model<State extends Parts> {
  readonly initial: State
  /** Every step that can happen now. States and parts must never be changed in place. */
  next(state: State): Iterable<Step<State>>
  /** What is wrong with this state; undefined where nothing is. Called once a state. */
  violation(state: State): string | undefined
}

export interface Violation {
  readonly what: string
  /** Labels of the steps that lead there. */
  readonly trace: readonly string[]
  readonly state: Parts
}

export interface Exploration {
  readonly states: number
  readonly steps: number
  readonly violation?: Violation
}

/** A model whose steps have to be waited for: code that runs between two of them. */
export interface AsyncModel<State extends Parts> {
  readonly initial: State
  next(state: State): Promise<Iterable<Step<State>>>
  violation(state: State): Promise<string | undefined> | string | undefined
}

/** Visits every state, or stops at the first violation. Throws where there are more than `limit` states: no silent half. */
export function explore<State extends Parts>(model: Model<State>, limit: number): Exploration {
  const seen = register<State>(limit)
  const visit = (raw: State, from: number, label: string): Violation | undefined => {
    const state = seen.add(raw, from, label)
    const what = state && model.violation(state)
    return what === undefined ? undefined : { what, state: state!, trace: seen.trace() }
  }
  let steps = 0
  let violation = visit(model.initial, -1, 'start')
  for (let at = 0; at < seen.count() && !violation; at++)
    for (const step of model.next(seen.take(at))) {
      steps++
      violation = visit(step.state, at, step.label)
      if (violation) break
    }
  return { states: seen.count(), steps, ...(violation ? { violation } : {}) }
}

/** The same for a model that has to be waited for. */
export async function exploreAsync<State extends Parts>(model: AsyncModel<State>, limit: number): Promise<Exploration> {
  const seen = register<State>(limit)
  const visit = async (raw: State, from: number, label: string): Promise<Violation | undefined> => {
    const state = seen.add(raw, from, label)
    if (!state) return undefined
    const answer = model.violation(state)
    const what = typeof answer === 'object' ? await answer : answer
    return what === undefined ? undefined : { what, state, trace: seen.trace() }
  }
  let steps = 0
  let violation = await visit(model.initial, -1, 'start')
  for (let at = 0; at < seen.count() && !violation; at++)
    for (const step of await model.next(seen.take(at))) {
      steps++
      violation = await visit(step.state, at, step.label)
      if (violation) break
    }
  return { states: seen.count(), steps, ...(violation ? { violation } : {}) }
}

interface Register<State> {
  /** The state where it is new, its parts interned; undefined where it is known. */
  add(raw: State, from: number, label: string): State | undefined
  /** Gives a state up to be expanded: only its key is needed from then on. */
  take(at: number): State
  count(): number
  /** Labels from the start to the state added last. */
  trace(): string[]
}

function register<State extends Parts>(limit: number): Register<State> {
  const intern = interning<State>()
  const known = new Set<string>()
  const states: (State | undefined)[] = []
  const cameFrom: number[] = []
  const labels: string[] = []
  return {
    add(raw, from, label) {
      const { state, key } = intern(raw)
      if (known.has(key)) return undefined
      if (states.length >= limit)
        throw new Error(`more than ${limit} states: make the model smaller or the limit larger`)
      known.add(key)
      states.push(state)
      cameFrom.push(from)
      labels.push(label)
      return state
    },
    take(at) {
      const state = states[at]!
      states[at] = undefined
      return state
    },
    count: () => states.length,
    trace() {
      const trace: string[] = []
      for (let at = states.length - 1; at > 0; at = cameFrom[at]!) trace.push(labels[at]!)
      return trace.toReversed()
    },
  }
}

/**
 * Replaces each part by the first of its equals, and names the state by the parts' numbers. Objects within a part have
 * numbers as well: what a step left as it was is not looked through again.
 */
function interning<State extends Parts>(): (state: State) => { state: State; key: string } {
  const known = new WeakMap<object, number>()
  const numbers = new Map<string, number>()
  const values: unknown[] = []
  const numberOf = (part: unknown): number => {
    const isObject = typeof part === 'object' && part !== null
    const seen = isObject ? known.get(part) : undefined
    if (seen !== undefined) return seen
    const text = isObject ? textOf(part) : primitiveText(part)
    let number = numbers.get(text)
    if (number === undefined) {
      number = values.length
      numbers.set(text, number)
      values.push(part)
    }
    if (isObject) known.set(part, number)
    return number
  }
  const within = (value: unknown): string =>
    typeof value === 'object' && value !== null ? `#${numberOf(value)}` : primitiveText(value)
  const textOf = (part: object): string => {
    if (Array.isArray(part)) return `[${part.map(within).join(',')}]`
    let text = '{'
    for (const name of Object.keys(part).sort()) {
      const value = (part as Readonly<Record<string, unknown>>)[name]
      if (value !== undefined) text += `${JSON.stringify(name)}:${within(value)},`
    }
    return text
  }
  return (state) => {
    const parts = state.map(numberOf)
    return { state: parts.map((number) => values[number]) as unknown as State, key: parts.join(',') }
  }
}

function primitiveText(value: unknown): string {
  return JSON.stringify(value) ?? 'null'
}

/** JSON with sorted names: equal values give equal text. Undefined properties count as absent. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(',')}}`
}
