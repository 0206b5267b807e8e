import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../../core/errors.ts'
import { defineCommand } from '../command.ts'
import { findTarget, stopLeftovers } from '../target.ts'

const POLL_MS = 100
/** Longer than the stack itself takes, which kills what does not stop in time. */
const TIMEOUT_MS = 60_000

export const command = defineCommand({
  summary: 'Stop a running stack and every server of it',
  details: 'Brokers that the stack was given with --bootstrap-server are not of it, and go on.',
  example: ['weirhouse down', 'weirhouse down --stack second'],
  async run(_, io) {
    const target = await findTarget(io)
    if (target) {
      io.progress('stopping functions and servers')
      process.kill(target.pid, 'SIGTERM')
      const until = Date.now() + TIMEOUT_MS
      while (await findTarget(io)) {
        if (Date.now() > until)
          throw new WeirError('WEIR_USAGE', {
            reason: `Process ${target.pid} did not stop within ${TIMEOUT_MS / 1000} s`,
            advice: `Kill it: kill -9 ${target.pid}; the next start cleans up after it.`,
          })
        await sleep(POLL_MS, undefined, { signal: io.signal })
      }
    }
    const left = target === undefined && (await stopLeftovers(io))
    await io.answer({ state: 'stopped', stack: io.stack, stopped: target !== undefined || left }, () => {
      if (left) return `Stack "${io.stack}" had lost its own process; its servers are stopped.`
      if (!target) return `Stack "${io.stack}" was not up.`
      const kafka = target.kafka.external ? ` Kafka at ${target.kafka.bootstrap} is not ours, and goes on.` : ''
      return `Stack "${io.stack}" is down.${kafka}`
    })
  },
})
