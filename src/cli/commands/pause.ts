import { DEFAULT_STACK } from '../../local/stack-files.ts'
import { defineCommand } from '../command.ts'
import { switchAll, switchOptions } from './switch-mapping.ts'

export const command = defineCommand({
  summary: 'Disable event source mappings: records wait in their topics until `weirhouse resume`',
  details:
    'Returns when invocations under way have ended (10 s at most) and their offsets are committed. Not kept: a stack starts with all mappings enabled.',
  example: ['weirhouse pause --pipeline demo'],
  options: switchOptions,
  run: ({ pipeline }, io) =>
    switchAll(pipeline, false, io, ({ pipeline: name, changed }, { topic }) =>
      changed
        ? `Pipeline ${name} is paused: its records wait in topic ${topic}. Go on with: weirhouse resume --pipeline ${name}${io.stack === DEFAULT_STACK ? '' : ` --stack ${io.stack}`}`
        : `Pipeline ${name} is paused already.`,
    ),
})
