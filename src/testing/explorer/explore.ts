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

/** Visits every state, or stops at the first violation. Throws where there are more than `limit` states: no silent half. */
export function explore<State extends Parts>(model: Model<State>, limit: number): Exploration {
  const intern = interning<State>()
  const numbers = new Map<string, number>()
  const states: (State | undefined)[] = []
  const cameFrom: number[] = []
  const labels: string[] = []
  let steps = 0

  const visit = (raw: State, from: number, label: string): Violation | undefined => {
    const { state, key } = intern(raw)
    if (numbers.has(key)) return undefined
    const number = states.length
    if (number >= limit) throw new Error(`more than ${limit} states: make the model smaller or the limit larger`)
    numbers.set(key, number)
    states.push(state)
    cameFrom.push(from)
    labels.push(label)
    const what = model.violation(state)
    return what === undefined ? undefined : { what, state, trace: traceTo(number, cameFrom, labels) }
  }

  let violation = visit(model.initial, -1, 'start')
  for (let at = 0; at < states.length && !violation; at++) {
    const state = states[at]!
    states[at] = undefined // only its key is needed from now on
    for (const step of model.next(state)) {
      steps++
      violation = visit(step.state, at, step.label)
      if (violation) break
    }
  }
  return { states: states.length, steps, ...(violation ? { violation } : {}) }
}

function traceTo(number: number, cameFrom: readonly number[], labels: readonly string[]): string[] {
  const trace: string[] = []
  for (let at = number; at > 0; at = cameFrom[at]!) trace.push(labels[at]!)
  return trace.toReversed()
}

/** Replaces each part by the first of its equals, and names the state by the parts' numbers. */
function interning<State extends Parts>(): (state: State) => { state: State; key: string } {
  const known = new WeakMap<object, number>()
  const numbers = new Map<string, number>()
  const values: unknown[] = []
  const numberOf = (part: unknown): number => {
    const isObject = typeof part === 'object' && part !== null
    const seen = isObject ? known.get(part) : undefined
    if (seen !== undefined) return seen
    const text = canonicalJson(part)
    let number = numbers.get(text)
    if (number === undefined) {
      number = values.length
      numbers.set(text, number)
      values.push(part)
    }
    if (isObject) known.set(part, number)
    return number
  }
  return (state) => {
    const parts = state.map(numberOf)
    return { state: parts.map((number) => values[number]) as unknown as State, key: parts.join(',') }
  }
}

/** JSON with sorted names: equal values give equal text. Undefined properties count as absent. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`).join(',')}}`
}
