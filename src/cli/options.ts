/**
 * How a verb declares what it takes. The name on the command line is the key in kebab case; type, default and text come
 * from the declaration, and parsing, `--help` and docs/cli.md come from it as well.
 */

/** An option or an argument whose parsed value is a T. Built by the functions below. */
export interface Parameter<T> {
  readonly kind: 'flag' | 'value' | 'optional' | 'list'
  /** What stands for the value in help, such as NAME; empty for flags. */
  readonly value: string
  readonly text: string
  readonly required: boolean
  readonly fallback: T | undefined
  /** Of an optional value: what stands for it where it is left out. */
  readonly bare?: string
  /** Throws Error whose message says what was expected. */
  readonly parse: (raw: string) => unknown
  /** Only for the type: never set. */
  readonly type?: T
}

export type Parameters = Readonly<Record<string, Parameter<unknown>>>
export type ParameterValues<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never
}

type ValueParameter<T> = Parameter<T | undefined>

const LAST_PORT = 65_535

function valued<T>(value: string, text: string, parse: (raw: string) => T): ValueParameter<T> {
  return { kind: 'value', value, text, required: false, fallback: undefined, parse }
}

export function text(value: string, text: string): ValueParameter<string> {
  return valued(value, text, (raw) => raw)
}

/** A whole number from `min` to `max`, both allowed. */
export function whole(
  value: string,
  text: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): ValueParameter<number> {
  return valued(value, text, (raw) => {
    const number = Number(raw)
    if (!/^\d+$/.test(raw) || !Number.isSafeInteger(number) || number < min || number > max)
      throw new Error(
        max === Number.MAX_SAFE_INTEGER
          ? `expected a whole number, ${min} at least`
          : `expected a whole number, ${min} to ${max}`,
      )
    return number
  })
}

/** Kafka's list of brokers: `host:port`, more of them after commas. */
export function addresses(value: string, text: string): ValueParameter<readonly string[]> {
  return valued(value, text, (raw) => {
    const list = raw.split(',').map((each) => each.trim())
    if (list.every(isAddress)) return list
    throw new Error('expected host:port, or more of them with commas between')
  })
}

function isAddress(text: string): boolean {
  const [, port] = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})$/.exec(text) ?? []
  return port !== undefined && Number(port) >= 1 && Number(port) <= LAST_PORT
}

/** One of the words. */
export function choice<const Word extends string>(text: string, words: readonly Word[]): ValueParameter<Word> {
  return valued(words.join('|'), text, (raw) => {
    const found = words.find((word) => word === raw)
    if (found === undefined) throw new Error(`expected ${words.join(' or ')}`)
    return found
  })
}

/** An option whose value may be left out: `bare`, as it would be typed, stands for it. */
export function optional<T>(parameter: ValueParameter<T>, bare: string): ValueParameter<T> {
  return { ...parameter, kind: 'optional', bare }
}

export function flag(text: string): Parameter<boolean> {
  return { kind: 'flag', value: '', text, required: false, fallback: false, parse: () => true }
}

/** K=V, repeatable. */
export function settings(text: string): Parameter<readonly (readonly [string, string])[]> {
  const parse = (raw: string): readonly [string, string] => {
    const at = raw.indexOf('=')
    if (at < 1) throw new Error('expected NAME=VALUE')
    return [raw.slice(0, at), raw.slice(at + 1)]
  }
  return { kind: 'list', value: 'NAME=VALUE', text, required: false, fallback: [], parse }
}

/** The same, repeatable. */
export function wholes(value: string, text: string, min: number, max?: number): Parameter<readonly number[]> {
  const { parse } = whole(value, text, min, max)
  return { kind: 'list', value, text, required: false, fallback: [], parse }
}

/** A moment: `2026-01-31T12:00:00Z`, or how long ago: `30s`, `10m`, `2h`, `1d`. Milliseconds since the epoch. */
export function moment(value: string, text: string, now: () => number = Date.now): ValueParameter<number> {
  const unit = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
  return valued(value, text, (raw) => {
    const ago = /^(\d{1,9})([smhd])$/.exec(raw)
    if (ago) return now() - Number(ago[1]) * unit[ago[2] as keyof typeof unit]
    // Date.parse alone would take `10` for a month.
    const at = /^\d{4}-\d\d-\d\d/.test(raw) ? Date.parse(raw) : Number.NaN
    if (Number.isNaN(at)) throw new Error('expected a time such as 2026-01-31T12:00:00Z, or how long ago, such as 10m')
    return at
  })
}

/** `1200`: an offset; else a moment. */
export function offsetOrMoment(
  value: string,
  text: string,
): ValueParameter<{ readonly offset: number } | { readonly time: number }> {
  const time = moment(value, text)
  return valued(value, text, (raw) =>
    /^\d{1,15}$/.test(raw) ? { offset: Number(raw) } : { time: time.parse(raw) as number },
  )
}

export function required<T>(parameter: Parameter<T | undefined>): Parameter<T> {
  return { ...parameter, required: true } as Parameter<T>
}

export function withDefault<T>(parameter: Parameter<T | undefined>, fallback: T): Parameter<T> {
  return { ...parameter, fallback } as Parameter<T>
}

/** `maxMessages` -> `max-messages` */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
