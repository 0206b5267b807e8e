import { loadPipeline } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import { finishRewind, planOf, rewind } from '../../operations/rewind/index.ts'
import type { Plan, RewindOptions, RewindReport, RewindTo } from '../../operations/rewind/index.ts'
import type { TargetPipeline } from '../../operations/target.ts'
import { requireYes } from '../ask.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { flag, moment, required, text, wholes } from '../options.ts'
import type { Parameter } from '../options.ts'
import { table } from '../table.ts'
import { openTarget, pipelinesOf } from '../target.ts'

const ALL = 'all'

export const command = defineCommand({
  summary: 'Rebuild sinks from the log: from an offset, a time, or all that the log still has',
  details:
    'Shows what it will do and asks. Then it pauses the mapping, takes out of the sink what is to be written again, moves the consumer group back, resumes, waits until all is read again, and takes out what no record has replaced. The other sinks skip what they have and do not change. S3 objects go whole: the target is rounded down to the head of the object that holds it. In keyed tables and DynamoDB every row stays until a record replaces it. Stopped at any moment, the same line again comes to the same end; stopped while the log is read again, --finish does what is left. A mapping that was paused is enabled afterwards.',
  example: [
    'weirhouse rewind --sink sql --to earliest',
    'weirhouse rewind --sink lake --to 2026-01-31T12:00:00Z --pipeline demo --yes',
    'weirhouse rewind --sink sql --finish',
    'weirhouse rewind --sink all --accept-new-topic',
  ],
  options: {
    sink: required(text('id', `the sink to rebuild; ${ALL} for every sink of the pipeline`)),
    to: rewindTo(),
    pipeline: text('name', 'whose sink; needed where the stack has several pipelines'),
    partition: wholes('n', 'only this partition, repeatable; not for sinks with keys', 0),
    fromLogStart: flag(
      'where the target lies below what the log still has, begin there; what the sink has of records before it stays',
    ),
    acceptNewTopic: flag(
      'the topic was deleted and made anew: read it from its start under a later epoch, and leave what the old one brought',
    ),
    finish: flag('only wait for, and finish, a rewind that was stopped while the log was read again'),
    yes: flag('do not ask'),
  },
  async run({ sink, to, pipeline: name, partition, fromLogStart, acceptNewTopic, finish, yes }, io) {
    const target = await openTarget(io)
    const place = onlyOne(pipelinesOf(target, name))
    const options: RewindOptions = {
      target,
      place,
      pipeline: await loadPipeline(place.module),
      chosen: sink === ALL ? undefined : [sink],
      to: to ?? 'earliest',
      request: { partitions: partition, fromLogStart, acceptNewTopic },
      signal: io.signal,
      onProgress: io.progress,
    }
    if (finish) {
      const report = await finishRewind(options)
      return io.answer(report, () => reportText(report))
    }
    io.progress('Looking at the log and the stores')
    const plan = await planOf(options)
    io.progress(null)
    if (!yes) await ask(plan, options, io)
    const report = await rewind(options)
    io.progress(null)
    return io.answer({ ...report, partitions: planJson(plan) }, () => `${planTable(plan)}\n\n${reportText(report)}`)
  },
})

function rewindTo(): Parameter<RewindTo | undefined> {
  const text =
    'where to begin: an offset, a time such as 2026-01-31T12:00:00Z or 2h for two hours ago, or earliest, the start of the log (default)'
  const { parse } = moment('', '')
  return {
    kind: 'value',
    value: 'offset|time|earliest',
    text,
    required: false,
    fallback: undefined,
    parse: (raw): RewindTo => {
      if (raw === 'earliest') return raw
      if (/^\d{1,16}$/.test(raw) && Number.isSafeInteger(Number(raw))) return { offset: Number(raw) }
      try {
        return { time: parse(raw) as number }
      } catch (error) {
        throw new Error('expected an offset, earliest, or a time such as 2026-01-31T12:00:00Z or 2h', { cause: error })
      }
    },
  }
}

function onlyOne(pipelines: readonly TargetPipeline[]): TargetPipeline {
  if (pipelines.length === 1) return pipelines[0]!
  throw new WeirError('WEIR_USAGE', {
    reason: `the stack has ${pipelines.length} pipelines`,
    advice: `Name one with --pipeline: ${pipelines.map(({ name }) => name).join(', ')}`,
  })
}

async function ask(plan: Plan, { pipeline, request }: RewindOptions, io: Io): Promise<void> {
  io.note(planTable(plan))
  const sinks = plan.chosen.map(({ sink }) => sink.id).join(', ')
  await requireYes(
    request.acceptNewTopic
      ? `Take topic ${pipeline.source.topic} for a new one, and read it for ${sinks} of pipeline ${pipeline.name}?`
      : `Rewind ${sinks} of pipeline ${pipeline.name}?`,
    io,
  )
}

function planJson({ chosen, partitions }: Plan) {
  const from = new Map(partitions.map((each) => [each.source.partition, each.from]))
  return chosen.flatMap(({ sink, sources }) =>
    sources.map(({ source, next, plan }) => ({
      sink: sink.id,
      partition: source.partition,
      next,
      target: plan.target,
      end: plan.end,
      groupFrom: from.get(source.partition)!,
      epoch: plan.epoch,
    })),
  )
}

function planTable(plan: Plan): string {
  const rows = planJson(plan).map(({ sink, partition, next, target, end, epoch }) => [
    sink,
    partition,
    next,
    target,
    end,
    Math.max(0, end - target),
    epoch,
  ])
  return table(['sink', 'partition', 'had up to', 'begins at', 'log ends at', 'offsets to read', 'epoch'], rows)
}

function reportText({ sinks }: RewindReport): string {
  if (sinks.length === 0) return 'There is no rewind to finish.'
  const rows = sinks.map(({ id, epoch, removed, swept, deadLetters }) => [id, epoch, removed, swept, deadLetters])
  return table(['sink', 'epoch', 'removed before', 'removed after', 'dead letters superseded'], rows)
}
