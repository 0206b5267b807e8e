import { loadProject } from '../../config/load.ts'
import { WeirError } from '../../core/errors.ts'
import { debuggerText } from '../../local/functions.ts'
import { debuggerAddress } from '../../local/lambda/inspector.ts'
import { DEFAULT_STACK } from '../../local/stack-files.ts'
import { startStack } from '../../local/stack.ts'
import type { Target } from '../../operations/target.ts'
import { defineCommand } from '../command.ts'
import { startDetached } from '../detach.ts'
import type { Io } from '../io.ts'
import { kafkaOptions, ownKafka } from '../kafka.ts'
import { flag, optional, text, whole } from '../options.ts'
import { findTarget } from '../target.ts'
import { describeTarget } from './status.ts'

/** The last port that leaves room for every server. */
const LAST_BASE = 65_500
/** Node's own. */
const INSPECT_PORT = '9229'

export const stackOptions = {
  dataDir: text('folder', "keep all servers' data there between starts; without it, each start is a clean one"),
  portBase: whole('port', 'listen on this port and those after it; without it, on free ones', 1024, LAST_BASE),
  inspect: optional(
    whole(
      'port',
      `let a debugger attach to the functions, on this port (where it is left out, ${INSPECT_PORT}) and those after it; one instance each, and no limits of time`,
      1024,
      LAST_BASE,
    ),
    INSPECT_PORT,
  ),
}

export const command = defineCommand({
  summary: 'Start the local stack: servers, tables, functions, event source mappings; no data is produced',
  details:
    'In the foreground until Ctrl-C, or with --detach in the background until `weirhouse down`. With --bootstrap-server everything but the brokers: topics are made there where they are missing, nothing of them is stopped or deleted (docs/your-own-kafka.md).',
  example: [
    'weirhouse up',
    'weirhouse up --detach',
    'weirhouse up --detach --stack second --data-dir ./kept',
    'weirhouse up --bootstrap-server b-1.example.com:9096 --command-config client.properties',
  ],
  options: {
    detach: flag('start in the background and return once everything is ready'),
    ...stackOptions,
    ...kafkaOptions,
  },
  async run({ detach, dataDir, portBase, inspect, ...input }, io) {
    const running = await findTarget(io)
    if (running && detach && running.state === 'running') {
      io.note(`Stack "${io.stack}" is up already.`)
      await io.answer(running, () => describeTarget(running))
      return
    }
    if (running) throw new WeirError('WEIR_ALREADY_UP', { stack: io.stack })
    const kafka = await ownKafka(input, io)
    if (detach) {
      const target = await startDetached(io, { dataDir, portBase, kafka, inspect })
      await io.answer(target, () => `${describeTarget(target)}\n${hints(target)}`)
      return
    }
    const project = await loadProject(io.project)
    const stack = await startStack({
      project,
      name: io.stack,
      dataDir,
      portBase,
      kafka,
      inspect,
      progress: io.progress,
      signal: io.signal,
      note: io.note,
    })
    io.progress(null)
    try {
      await noteDebuggers(stack.target, io)
      await io.answer(
        stack.target,
        () => `${describeTarget(stack.target)}\n${hints(stack.target)}\nCtrl-C stops everything.`,
      )
      await untilStopped(io)
    } finally {
      io.progress('stopping functions and servers')
      await stack.stop()
    }
  },
})

/** Lines to copy: of this stack, with a topic that it reads. */
export function hints({ stack, kafka, pipelines }: Target, { logs = true }: { readonly logs?: boolean } = {}): string {
  const option = stack === DEFAULT_STACK ? '' : ` --stack ${stack}`
  const produce = `  echo '{"hello": "weir"}' | npx weirhouse produce${option} --topic ${pipelines[0]?.topic ?? 'TOPIC'}`
  return [
    'Try, in another terminal:',
    // on a cluster that others use, what to send is not for us to say
    ...(kafka.external ? [] : [produce]),
    ...(logs ? [`  npx weirhouse logs --follow${option}`] : []),
    `  npx weirhouse audit${option}`,
  ].join('\n')
}

/** Where debuggers attach, as Node says it. */
export async function noteDebuggers({ pipelines }: Target, io: Pick<Io, 'note' | 'signal'>): Promise<void> {
  for (const pipeline of pipelines) {
    if (pipeline.debugger === undefined) continue
    const address = await debuggerAddress(Number(pipeline.debugger.split(':')[1]), () => !io.signal.aborted)
    if (address !== undefined) io.note(debuggerText(pipeline.function, address))
  }
}

/** Resolves on Ctrl-C or `weirhouse down`. */
export function untilStopped({ signal }: Pick<Io, 'signal'>): Promise<void> {
  return new Promise((resolve) => {
    // A pending promise holds no process open; the servers' sockets do.
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
