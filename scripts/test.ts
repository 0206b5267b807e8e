/** `npm test`: every stage of test-stages.ts, also when an early one fails. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { phases, STOP_FACTOR, stages } from './test-stages.ts'
import type { Stage } from './test-stages.ts'
import { judge, total } from './test-verdict.ts'
import type { StageOutcome, Verdict } from './test-verdict.ts'

const root = join(import.meta.dirname, '..')

interface Ran extends StageOutcome {
  readonly output: string
}

/** Runs one stage in a process group of its own, so that a hung one can be stopped whole. */
function run(stage: Stage, folder: string): Promise<Ran> {
  const reportFile = join(folder, `${stage.name}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const args = stage.kind === 'suite' ? [...stage.run, ...reporters] : stage.run
  const start = performance.now()
  const child = spawn(process.execPath, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  let stopped = false
  const stop = () => {
    if (child.pid !== undefined) killGroup(child.pid)
  }
  const timer = setTimeout(
    () => {
      stopped = true
      stop()
    },
    stage.budgetSeconds * STOP_FACTOR * 1000,
  )
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  child.once('error', reject)
  child.once('close', (exitCode) => {
    clearTimeout(timer)
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    const report = existsSync(reportFile) ? readFileSync(reportFile, 'utf8') : undefined
    const seconds = (performance.now() - start) / 1000
    resolve({ exitCode, seconds, stopped, report, output: Buffer.concat(chunks).toString('utf8') })
  })
  return promise
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error // ESRCH: it went by itself
  }
}

/** What `--only` names, of all stages. */
function chosen(): (stage: Stage) => boolean {
  const { values } = parseArgs({ options: { only: { type: 'string' } } })
  if (values.only === undefined) return () => true
  const names = values.only.split(',')
  const unknown = names.filter((name) => !stages.some((stage) => stage.name === name))
  if (unknown.length > 0)
    throw new Error(`no stage "${unknown.join('", "')}"; there are: ${stages.map((stage) => stage.name).join(', ')}`)
  return ({ name }) => names.includes(name)
}

async function main(): Promise<0 | 1> {
  const folder = mkdtempSync(join(tmpdir(), 'weirhouse-test-'))
  const verdicts: Verdict[] = []
  let interrupted = false
  process.once('SIGINT', () => (interrupted = true))
  try {
    const isChosen = chosen()
    const judged = async (stage: Stage) => {
      if (interrupted) throw new Error('interrupted')
      console.log(`> ${stage.name} ...`)
      const ran = await run(stage, folder)
      const verdict = judge(stage, ran)
      if (verdict.failed > 0) console.log(ran.output)
      const mark = verdict.failed === 0 ? 'ok    ' : 'FAILED'
      const count = stage.kind === 'suite' ? `, ${verdict.passed} passed, ${verdict.failed} failed` : ''
      console.log(`${mark} ${stage.name} ${ran.seconds.toFixed(1)} s of ${stage.budgetSeconds} s${count}`)
      verdicts.push(verdict)
    }
    const inOrder = async (lane: readonly Stage[]) => {
      for (const stage of lane) if (isChosen(stage)) await judged(stage)
    }
    for (const lanes of phases) await Promise.all(lanes.map(inOrder))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  for (const line of verdicts.flatMap(({ slow, problems }) => [...(slow === undefined ? [] : [slow]), ...problems]))
    console.log(line)
  const { line, exitCode } = total(verdicts)
  console.log(line)
  return exitCode
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
