import { defineCommand } from '../command.ts'
import { switchAll, switchOptions } from './switch-mapping.ts'

export const command = defineCommand({
  summary: 'Enable event source mappings again: they go on at the offsets that were committed',
  example: ['weirhouse resume --pipeline demo'],
  options: switchOptions,
  run: ({ pipeline }, io) =>
    switchAll(pipeline, true, io, ({ pipeline: name, changed }, { topic }) =>
      changed ? `Pipeline ${name} goes on reading topic ${topic}.` : `Pipeline ${name} is not paused.`,
    ),
})
