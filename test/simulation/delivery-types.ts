/** What a delivery world is made of: the log, the mapping, environments, and what a store must say of itself. */
import type { Position } from '../../src/core/order.ts'
import type { Rewind, Watermark } from '../../src/core/watermark.ts'
import type { Step } from '../../src/testing/explorer/explore.ts'
import type { Replayed } from '../../src/testing/explorer/replay.ts'

export const CLUSTER = 'c'
export const TOPIC = 't'

/** One record of the log. */
export interface LogRecord {
  readonly source: number
  readonly offset: number
  /** A row for each letter, under that key; of what the store refuses it refuses the last. */
  readonly key: string
  readonly timestamp: number
  /**
   * `refused`: the store takes no such row. `undecodable`: poison before any sink. `rowless`: nothing to store. `mendable`: poison
   * until another definition is deployed, which reads it; `misfit`: refused by the store until then.
   */
  readonly kind: 'good' | 'refused' | 'undecodable' | 'rowless' | 'mendable' | 'misfit' | 'tombstone'
  /** Given to the definition that mends. */
  readonly mended?: true
  /** No event ends here: the next record is in it. */
  readonly glued?: true
  /** A dead letter sent again: the offset of the original, and the header that names the letter. */
  readonly copy?: { readonly of: number; readonly header: string }
}

export interface Scenario {
  /**
   * By source: `a` key a · `ab` rows of both keys · `a!` refused by the store · `a#` undecodable · `a~` mendable · `a%` misfit · `a-` without rows · `a_` a
   * tombstone · `a@7` with timestamp 7 · `a*9` nine of them, in one event always.
   */
  readonly log: readonly (readonly string[])[]
  /** Deliveries at most. */
  readonly deliveries: number
  /** How many records the mapping may give up on. @default 0 */
  readonly skips?: number
  /** Requests of one invocation that may fail for good. @default 0 */
  readonly faults?: number
  /** Offsets of source 0 that compaction may take out of the log. */
  readonly compactable?: readonly number[]
  /** Whether source 0 may be rewound once, to any record that took effect. @default false */
  readonly rewinds?: boolean
  /** Invocations that outlive the pause of a rewind at most: zombies, frozen past the function's timeout. @default 1 */
  readonly survivors?: number
  /** A halt that a person has to settle and that counts as a way out. */
  readonly mayHalt?: string
  /** Whether tombstones delete. @default false */
  readonly deletes?: boolean
  /** Whether deletes are forgotten: once no older record of the key can come any more; `too soon` is a bug. */
  readonly forgets?: 'in time' | 'too soon'
  /** Whether an environment that is done takes the next delivery, knowing what it knows. @default false */
  readonly warm?: boolean
}

export interface Mapping {
  /** By source: first offset not acknowledged. */
  readonly committed: readonly number[]
  /** By source: the environment whose answer still counts; -1: none. Others are zombies. */
  readonly live: readonly number[]
  readonly deliveries: number
  /** Names of records: `source/offset`. */
  readonly skipped: readonly string[]
  readonly compacted: readonly string[]
  readonly rewind: { readonly target: number; readonly state: 'removing' | 'reading' | 'finished' } | null
  /** Disabled. */
  readonly paused: boolean
  /** The epoch for which the group was moved, to read source 0 again. */
  readonly read: number
  /** Set when a live invocation failed in a way that no redelivery mends. */
  readonly halted: string | null
  /** Set when a definition was deployed that reads what is mendable: where the old one had halted. */
  readonly mended: number | null
  /** What commands have appended to source 0. */
  readonly copies: readonly LogRecord[]
  /** Sent, given up by the command, and perhaps appended later. */
  readonly late: readonly LogRecord[]
  /** Commands that were begun. */
  readonly begun: readonly string[]
}

/** What a bystander saw that the world itself forgets. */
export interface Witness {
  /** By key: the newest effect that ever stood there. */
  readonly newest: Readonly<Record<string, EffectPosition>>
  /** By source: where the watermark began: the log before was never offered. */
  readonly base: readonly (number | null)[]
  /** Rewinds of source 0 that were begun, the last one last. */
  readonly rewound: readonly { readonly epoch: number; readonly target: number }[]
  readonly wrong: string | null
}

/** An execution environment; null: gone. */
export interface Process {
  readonly point: number
  /** What it works on: offsets by source. Null: idle. */
  readonly delivery: readonly (readonly number[])[] | null
  /** How far calls of several parts have come, by id. */
  readonly flights: Readonly<Record<string, unknown>>
  readonly faults: number
  /** Of the definition that mends. */
  readonly mends?: true
  /** `Mapping.read` when it began. */
  readonly since?: number
}

export type World<Store> = readonly [Mapping, Witness, Store, ...(Process | null)[]]

/** One way in which a store may take a request. */
export interface Outcome<Store> {
  readonly label: string
  readonly store: Store
  /** Left out: no answer yet, `flight` says how far it has come. */
  readonly answer?: unknown
  readonly flight?: unknown
  /** Counts against `Scenario.faults`. */
  readonly fault?: boolean
  /** Left out: as it was. */
  readonly mapping?: Mapping
}

export interface Effect {
  readonly key: string
  readonly position: EffectPosition
}

/** Of a delete that is remembered: `gone`. */
export type EffectPosition = Position & { readonly gone?: true }

export interface StoreModel<Store> {
  readonly initial: Store
  /** The answer to a request that depends on nothing and changes nothing; undefined for all others. */
  local(request: unknown): unknown
  /** The first is the undisturbed one. None: the request waits for another environment. */
  outcomes(store: Store, process: number, request: unknown, flight: unknown): Iterable<Outcome<Store>>
  crashed(store: Store, process: number): Store
  /** What happens without anybody's asking. */
  own(store: Store): Iterable<{ readonly label: string; readonly store: Store }>
  /** Keyed stores keep one effect a key. */
  readonly keyed: boolean
  effects(store: Store): readonly Effect[]
  /** Deletes that are remembered, by key, and the store without one; undefined where it is locked. */
  deletes?(store: Store): Iterable<{ readonly key: string; readonly position: Position; readonly forgotten: Store }>
  /** Names of records with a dead letter. */
  letters(store: Store): ReadonlySet<string>
  watermark(store: Store, source: number): Progress | undefined
  /**
   * The store with the watermark of source 0 changed, and, from `removeFrom` on, without the effects that a rewind removes.
   * Undefined where there is none yet, it is locked, or `change` gives undefined.
   */
  rewatermark(
    store: Store,
    change: (before: Watermark) => Watermark | undefined,
    removeFrom: number | undefined,
  ): Store | undefined
}

export interface Progress {
  readonly epoch: number
  readonly next: number
  readonly gaps: readonly { readonly first: number; readonly last: number }[]
  readonly gapCount: number
  /** Where its oldest checkpoint is: the log before was never offered, when it is new. */
  readonly head: number
  readonly rewind?: Pick<Rewind, 'state' | 'target'> | undefined
}

export type Input = readonly LogRecord[]
/** What a person runs, as a program beside the environments. */
export interface Command {
  readonly command: string
}
export type Task = Input | Command
export type Result = { readonly done: true } | { readonly failed: string; readonly retryable: boolean }

export interface Parts<Store> {
  readonly scenario: Scenario
  readonly log: readonly (readonly LogRecord[])[]
  readonly machine: Replayed<Task>
  readonly store: StoreModel<Store>
  readonly memory: Memory<Store>
  readonly more: More<Store>
}

/** What a protocol adds to deliveries. */
export interface More<Store> {
  /** Of persons. */
  readonly steps?: (parts: Parts<Store>, world: World<Store>) => Iterable<Step<World<Store>>>
  readonly wrong?: (parts: Parts<Store>, world: World<Store>) => string | undefined
  /** Commands that may be begun, each once. */
  readonly commands?: readonly string[]
  /** Whether one is begun only once the last has ended, or was cut off. @default false */
  readonly oneByOne?: boolean
  /** What the log and the mapping do with a request of a command; undefined: it is none of theirs. */
  readonly ask?: (parts: Parts<Store>, world: World<Store>, request: unknown) => Iterable<Outcome<Store>> | undefined
  /** What leads to the end from any quiet state, without a disturbance. @default delivered twice */
  readonly ending?: (parts: Parts<Store>, world: World<Store>) => readonly (Command | 'deliver')[]
  /** What is wrong with that end. */
  readonly wrongAtEnd?: (parts: Parts<Store>, world: World<Store>) => string | undefined
}

/**
 * What was worked out before, by identity: the explorer gives the first of equal parts, so that most steps are known, and
 * lead to the very objects that are known.
 */
interface Memory<Store> {
  readonly outcomes: WeakMap<object, Map<string, readonly Outcome<Store>[]>>
  readonly processes: WeakMap<Process, Map<Outcome<Store>, Process | Promise<Process>>>
}

export const FIRST_PROCESS = 3

export function withProcess<Store>(world: World<Store>, i: number, process: Process | null): World<Store> {
  return world.with(FIRST_PROCESS + i, process) as readonly unknown[] as World<Store>
}

export function processesOf<Store>(world: World<Store>): readonly (Process | null)[] {
  return world.slice(FIRST_PROCESS) as readonly unknown[] as readonly (Process | null)[]
}

export function nameOf({ source, offset }: Pick<LogRecord, 'source' | 'offset'>): string {
  return `${source}/${offset}`
}

const kinds = {
  '!': 'refused',
  '#': 'undecodable',
  '-': 'rowless',
  '~': 'mendable',
  '%': 'misfit',
  _: 'tombstone',
} as const

export function logOf({ log }: Scenario): LogRecord[][] {
  return log.map((texts, source) => {
    const records: LogRecord[] = []
    for (const text of texts) {
      const pattern = /^(?<key>[a-z]+)(?<mark>[!#~%_-])?(?:@(?<ts>\d+))?(?:\*(?<count>\d+))?$/
      const { key, mark, ts, count = '1' } = pattern.exec(text)!.groups!
      const kind = mark === undefined ? 'good' : kinds[mark as keyof typeof kinds]
      for (let left = Number(count); left > 0; left--) {
        const offset = records.length
        const timestamp = ts === undefined ? offset : Number(ts)
        records.push({ source, offset, key: key!, kind, timestamp, ...(left > 1 ? { glued: true } : {}) })
      }
    }
    return records
  })
}

/** With what commands have appended. */
export function logNow<Store>({ log }: Parts<Store>, { copies }: Mapping): Parts<Store>['log'] {
  return copies.length === 0 ? log : log.with(0, [...log[0]!, ...copies])
}

export function told(delivery: readonly (readonly number[])[]): string {
  const all = (offsets: readonly number[]) => (offsets.length > 9 ? `${offsets[0]}..${offsets.at(-1)}` : offsets.join())
  return delivery.flatMap((offsets, source) => (offsets.length > 0 ? [`${source}/${all(offsets)}`] : [])).join(' ')
}

/** The epoch that a record's effect must have: that of the last rewind that reads it again. */
export function epochOf({ rewound }: Witness, { source, offset }: LogRecord): number {
  return rewound.findLast(({ target }) => source === 0 && offset >= target)?.epoch ?? 0
}

/** Whether the record is to be read again, so that its effect may be gone meanwhile. */
export function isPending(
  { read }: Mapping,
  witness: Witness,
  record: LogRecord,
  progress: Progress | undefined,
): boolean {
  const epoch = epochOf(witness, record)
  return epoch > 0 && (progress?.rewind?.state === 'removing' || read < epoch)
}
