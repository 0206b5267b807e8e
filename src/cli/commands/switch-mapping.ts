/** What `pause` and `resume` share. */
import { switchMapping } from '../../operations/mappings.ts'
import type { TargetPipeline } from '../../operations/target.ts'
import type { Io } from '../io.ts'
import { text } from '../options.ts'
import { openTarget, pipelinesOf } from '../target.ts'

export const switchOptions = { pipeline: text('name', 'only this pipeline; without it, all of them') }

export interface Switched {
  readonly pipeline: string
  readonly state: 'Enabled' | 'Disabled'
  /** False where it was so before. */
  readonly changed: boolean
}

export async function switchAll(
  name: string | undefined,
  enabled: boolean,
  io: Io,
  textOf: (switched: Switched, pipeline: TargetPipeline) => string,
): Promise<void> {
  const target = await openTarget(io)
  const pipelines = pipelinesOf(target, name)
  io.progress(enabled ? 'joining the consumer group' : 'waiting for invocations under way')
  const all = await Promise.all(
    pipelines.map(async ({ name: pipeline, mappingId: uuid }): Promise<Switched> => {
      const mapping = { endpoint: target.lambda.endpoint, uuid, signal: io.signal }
      return { pipeline, state: enabled ? 'Enabled' : 'Disabled', changed: await switchMapping(mapping, enabled) }
    }),
  )
  io.progress(null)
  await io.answer(all, () => all.map((switched, i) => textOf(switched, pipelines[i]!)).join('\n'))
}
