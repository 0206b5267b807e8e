import { readLogs } from '../../operations/logs.ts'
import { defineCommand } from '../command.ts'
import { flag, moment, text } from '../options.ts'
import { functionsOf, openTarget } from '../target.ts'

export const command = defineCommand({
  summary: 'Print the log of the functions, all instances merged by time',
  details: 'With --json one object a line: function, stream, timestamp (milliseconds since the epoch), message.',
  example: ['weirhouse logs --since 10m', 'weirhouse logs --follow --function weirhouse-demo'],
  json: 'lines',
  options: {
    follow: flag('go on with new lines until Ctrl-C'),
    function: text('name', 'only this function'),
    since: moment('time', 'only lines from then on: 2026-01-31T12:00:00Z, or how long ago, such as 10m'),
  },
  async run({ follow, function: name, since }, io) {
    const target = await openTarget(io)
    const functions = functionsOf(target, name)
    for await (const line of readLogs({ folder: target.logs, functions, since, follow, signal: io.signal })) {
      const plain = `${new Date(line.timestamp).toISOString()} ${line.function} ${line.stream.slice(-8)} ${line.message}`
      await io.answer(line, () => plain.trimEnd())
    }
  },
})
