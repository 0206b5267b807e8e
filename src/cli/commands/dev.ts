import { relative } from 'node:path'
import { loadProject } from '../../config/load.ts'
import { startStack } from '../../local/stack.ts'
import { STACK_FOLDER, STACK_STREAM } from '../../local/stream-log.ts'
import { readLogs } from '../../operations/logs.ts'
import type { Target } from '../../operations/target.ts'
import { defineCommand } from '../command.ts'
import { startFree } from '../free-stack.ts'
import type { Io } from '../io.ts'
import { readableLine } from '../log-lines.ts'
import { describeTarget } from './status.ts'
import { hints, stackOptions } from './up.ts'

export const command = defineCommand({
  summary: 'Start the local stack and replace a function whenever one of its files is saved; shows the log',
  details:
    'Saving a file that is in the bundle of a pipeline builds it and replaces the function: invocations under way end on the old version, the next is cold on the new. A file that does not build is told with its place, and the old version runs on. With --json one object a line: first what `weirhouse status --json` prints, then as `weirhouse logs --json`.',
  example: ['weirhouse dev', 'weirhouse dev --inspect'],
  json: 'lines',
  options: stackOptions,
  async run({ dataDir, portBase, inspect }, io) {
    const project = await loadProject(io.project)
    const stack = await startFree(io, (name) =>
      startStack({ project, name, dataDir, portBase, inspect, progress: io.progress, signal: io.signal }),
    )
    io.progress(null)
    try {
      const reloading = stack.reloadOnSave()
      await io.answer(stack.target, () => `${describeTarget(stack.target)}\n${hints(stack.target, { logs: false })}\n`)
      if (!io.json) await io.print(watchedText(stack.target, reloading.files()))
      await show(stack.target, io)
    } finally {
      io.progress('stopping functions and servers')
      await stack.stop()
    }
  },
})

/** `Watching pipelines/demo.ts and what it imports, 104 files.` */
function watchedText({ pipelines }: Target, files: readonly string[]): string {
  const modules = pipelines.map(({ module }) => relative(process.cwd(), module)).join(', ')
  return `Watching ${modules} and what ${pipelines.length === 1 ? 'it imports' : 'they import'}, ${files.length} files: save one, and the function is replaced. Ctrl-C stops everything.\n`
}

async function show({ logs, pipelines }: Target, io: Io): Promise<void> {
  const up = Date.now()
  const names = new Map(pipelines.map((pipeline) => [pipeline.function, pipeline.name]))
  const nameOf = (functionName: string) => names.get(functionName) ?? functionName
  const functions = [...names.keys(), STACK_FOLDER]
  for await (const line of readLogs({ folder: logs, functions, follow: true, signal: io.signal })) {
    // Of the start only what the stack itself said: that its brokers were still getting ready is no news.
    if (line.timestamp < up && line.stream !== STACK_STREAM) continue
    const text = io.json ? '' : readableLine(line, nameOf)
    if (text !== undefined) await io.answer(line, () => text)
  }
}
