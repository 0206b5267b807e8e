import type { Check, Finding } from '../../operations/doctor.ts'
import { examine, serverChecks } from '../../operations/doctor.ts'
import { defineCommand } from '../command.ts'
import type { Io } from '../io.ts'
import { machineChecks } from '../machine-checks.ts'
import { table } from '../table.ts'
import { findTarget } from '../target.ts'

export const command = defineCommand({
  summary: 'Check this machine, this project and the running stack',
  details: 'Each fault is named with its cure. Ends with 1 where there is any. A stack that is not up is none.',
  example: ['weirhouse doctor'],
  async run(_, io) {
    const findings = await examineAll(machineChecks(io.project), io)
    findings.push(...(await stackFindings(io)))
    await io.answer(findings, () =>
      table(
        ['check', '', 'found', 'cure'],
        findings.map(({ check, ok, found, cure }) => [check, ok ? 'ok' : 'FAULT', found, cure]),
      ),
    )
    return findings.every(({ ok }) => ok) ? 0 : 1
  },
})

async function stackFindings(io: Io): Promise<Finding[]> {
  const name = `stack ${io.stack}`
  let servers: Check[] = []
  const stack = await examine({
    name,
    cure: 'Stop it with `weirhouse down`, and start it again.',
    find: async () => {
      const target = await findTarget(io)
      if (target) servers = serverChecks(target)
      return target ? `${target.state}, process ${target.pid}` : 'not up'
    },
  })
  return [stack, ...(await examineAll(servers, io))]
}

async function examineAll(checks: readonly Check[], io: Io): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const check of checks) {
    io.progress(`Checking ${check.name}`)
    findings.push(await examine(check))
  }
  return findings
}
