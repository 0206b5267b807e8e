import { inspect } from 'node:util'
import { loadProject } from '../../config/load.ts'
import type { Project } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import type { Pipeline } from '../../core/pipeline.ts'
import { linesOf } from '../../operations/lines.ts'
import { openTrial } from '../../operations/try.ts'
import type { TriedInput, TriedRecord } from '../../operations/try.ts'
import { defineCommand } from '../command.ts'
import { openInput, readInput } from '../input.ts'
import type { Io } from '../io.ts'
import { flag, settings, text } from '../options.ts'

/** Columns of a terminal, and what of one text is shown; --json has all of it. */
const WIDTH = 110
const SHOWN_CHARACTERS = 2000

export const command = defineCommand({
  summary: 'Decode, validate and transform records of a file or typed in, without any server',
  details:
    'Shows the rows of each sink after its row(...), and why a record would be a dead letter. Exit code 1 where one would be. With --json one object a line: line, tombstone, rows by sink, versions, deletes (keys, sinks), faults; bytes in base64.',
  example: [
    `echo '{"hello": "weir"}' | weirhouse try --pipeline demo`,
    'weirhouse try --pipeline demo records.jsonl --key-separator : --json',
  ],
  json: 'lines',
  arguments: { file: text('file', 'the file, one record a line; - or nothing for standard input') },
  options: {
    pipeline: text('name', 'the pipeline; needed where there is more than one'),
    whole: flag('the whole file is one record'),
    key: text('text', 'the key of every record; without it, none'),
    keySeparator: text('text', 'what parts the key from the value at its first place in each line'),
    nullMarker: text('text', 'a value of just this text is a tombstone'),
    header: settings('a header of every record; may be given more than once'),
  },
  async run({ file = '-', pipeline: name, whole, ...shape }, io) {
    const pipeline = onePipeline(await loadProject(io.project), name)
    const attempt = await openTrial(pipeline)
    const counts = { records: 0, rows: 0, dead: 0 }
    if (file === '-' && (io.stdin as { isTTY?: boolean }).isTTY === true)
      io.note('Type records, one a line; Ctrl-D ends.')
    for await (const input of inputs(file, whole, shape, io)) {
      const tried = await attempt(input)
      counts.records++
      counts.rows += Math.max(0, ...tried.rows.map(({ rows }) => rows.length))
      if (tried.faults.length > 0) counts.dead++
      await io.answer(jsonOf(tried), () => textOf(tried, pipeline))
    }
    if (!io.json) await io.print(summaryOf(counts))
    return counts.dead === 0 ? 0 : 1
  },
})

function onePipeline({ pipelines }: Project, name: string | undefined): Pipeline {
  const known = pipelines.map((each) => each.pipeline.name)
  if (name === undefined && known.length > 1)
    throw new WeirError('WEIR_USAGE', {
      reason: `the project has ${known.length} pipelines`,
      advice: `Name one with --pipeline: ${known.join(', ')}.`,
    })
  const found = name === undefined ? pipelines[0] : pipelines.find((each) => each.pipeline.name === name)
  if (!found) throw new WeirError('WEIR_UNKNOWN', { what: 'pipeline', name: name ?? '', known: known.join(', ') })
  return found.pipeline
}

interface Shape {
  readonly key: string | undefined
  readonly keySeparator: string | undefined
  readonly nullMarker: string | undefined
  readonly header: readonly (readonly [string, string])[]
}

async function* inputs(file: string, whole: boolean, shape: Shape, io: Io): AsyncGenerator<TriedInput> {
  if (whole) {
    yield inputOf(1, await readInput(file, io), shape)
    return
  }
  let line = 0
  for await (const { bytes } of linesOf(await openInput(file, io))) yield inputOf(++line, bytes, shape)
}

function inputOf(line: number, bytes: Buffer, { key, keySeparator, nullMarker, header }: Shape): TriedInput {
  const at = keySeparator === undefined ? -1 : bytes.indexOf(keySeparator)
  if (keySeparator !== undefined && at < 0)
    throw new WeirError('WEIR_USAGE', {
      reason: `line ${line} does not hold the separator "${keySeparator}"`,
      advice: 'Every line is KEY, separator, value; leave out --key-separator where there are no keys.',
    })
  const ownKey = at < 0 ? (key === undefined ? null : Buffer.from(key)) : bytes.subarray(0, at)
  const value = at < 0 ? bytes : bytes.subarray(at + Buffer.byteLength(keySeparator!))
  return {
    line,
    key: ownKey,
    value: nullMarker !== undefined && value.equals(Buffer.from(nullMarker)) ? null : value,
    headers: header.map(([name, text]) => ({ name, value: Buffer.from(text) })),
    timestamp: Date.now(),
  }
}

function jsonOf({ line, tombstone, rows, versions, deletes, faults }: TriedRecord): unknown {
  return {
    line,
    tombstone,
    rows: Object.fromEntries(rows.map(({ sink, rows: all }) => [sink, all.map(plainRow)])),
    ...(versions ? { versions } : {}),
    ...(deletes ? { deletes: { ...deletes, keys: deletes.keys.map(plainRow) } } : {}),
    faults,
  }
}

/** A row as JSON can show it; what JSON has no form for, a sink may hold all the same. */
function plainRow(row: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(row, replacer) ?? 'null') as unknown
  } catch {
    return inspect(row) // it refers to itself: S3 refuses it, and says so
  }
}

function replacer(this: unknown, key: string, value: unknown): unknown {
  const raw = (this as Record<string, unknown>)[key]
  if (raw instanceof Uint8Array) return Buffer.from(raw).toString('base64')
  return typeof value === 'bigint' ? value.toString() : value
}

function textOf(tried: TriedRecord, { tombstone }: Pick<Pipeline, 'tombstone'>): string {
  const { line, faults, rows } = tried
  const faultLines = faults.map(
    ({ sink, stage, code, text: why }) => `  ${sink === '*' ? 'every sink' : sink}: ${code} (${stage}): ${why}`,
  )
  const what = tried.tombstone ? `line ${line}, a tombstone` : `line ${line}`
  if (tried.deletes && tried.deletes.keys.length > 0) {
    const { keys, sinks } = tried.deletes
    const head = `${what}: deletes from ${sinks.join(', ') || 'no sink'}`
    return [head, ...keys.map((key) => `  ${shown(key)}`), ...faultLines].join('\n')
  }
  if (rows.every((each) => each.rows.length === 0)) {
    const why = tried.tombstone && tombstone === 'ignore' ? 'no rows: the pipeline ignores tombstones' : 'no rows'
    return [faults.length > 0 ? `${what}: dead letter` : `${what}: ${why}`, ...faultLines].join('\n')
  }
  const refusing = new Set(faults.map(({ sink }) => sink))
  const head = refusing.size === 0 ? `${what}:` : `${what}: dead letter of ${[...refusing].join(', ')}`
  return [head, ...groupsOf(tried).flatMap((group) => rowLines(group, tried.versions)), ...faultLines].join('\n')
}

interface RowGroup {
  readonly sinks: string
  readonly rows: readonly unknown[]
}

/** Sinks without a row(...) of their own share the pipeline's rows. One that refuses the record stores none. */
function groupsOf({ rows, faults }: TriedRecord): RowGroup[] {
  const shared = rows.filter(({ mapped }) => !mapped)
  const takers = shared.filter(({ sink }) => !faults.some((fault) => fault.sink === sink)).map(({ sink }) => sink)
  const together = takers.length === 0 ? 'refused' : takers.length === rows.length ? 'every sink' : takers.join(', ')
  return [
    ...(shared.length > 0 ? [{ sinks: together, rows: shared[0]!.rows }] : []),
    ...rows.filter(({ mapped }) => mapped).map(({ sink, rows: own }) => ({ sinks: sink, rows: own })),
  ]
}

function rowLines({ sinks, rows }: RowGroup, versions: TriedRecord['versions']): string[] {
  if (rows.length === 0) return [`  ${sinks}: no rows`]
  return rows.map((row, i) => {
    const version = versions?.[i] === undefined ? '' : ` version ${String(versions[i])}`
    return `  ${sinks}:${version} ${shown(row)}`
  })
}

function shown(row: unknown): string {
  const text = inspect(row, { depth: null, breakLength: WIDTH, compact: true, maxStringLength: SHOWN_CHARACTERS })
  return text.replaceAll('\n', '\n    ')
}

function summaryOf({ records, rows, dead }: Readonly<Record<'records' | 'rows' | 'dead', number>>): string {
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`
  const outcome = dead === 0 ? 'no dead letters' : `${count(dead, 'record')} would be dead letters`
  return `${count(records, 'record')}, ${count(rows, 'row')}, ${outcome}. What only a live table refuses (a constraint, a type that differs) shows when it is written.`
}
