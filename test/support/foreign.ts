/** Runs clients that nobody here wrote: Python's, from a cached environment with pinned hashes, and Kafka's own tools. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder, ensureJars } from '../../src/local/jars/ensure.ts'
import { findJava } from '../../src/local/jars/java.ts'

const folder = fileURLToPath(new URL('../foreign/', import.meta.url))
const MAX_OUTPUT = 256 * 1024 * 1024

/** Runs a program to its end with `input` on its standard input; rejects with its output where it fails. */
export function run(command: string, args: readonly string[], input = '', timeout = 60_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: MAX_OUTPUT, timeout }, (error, stdout, stderr) => {
      if (error)
        reject(
          new Error(
            `${command} ${args.join(' ').slice(0, 200)}: ${error.message}\n${stdout.slice(-2000)}\n${stderr.slice(-4000)}`,
          ),
        )
      else resolve(stdout)
    })
    child.stdin?.on('error', reject).end(input)
  })
}

/** Python with the packages of a file of test/foreign/: made once a set of requirements, in the cache. */
export async function foreignPython(requirements = 'requirements.txt'): Promise<string> {
  const file = join(folder, requirements)
  const hash = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12)
  const home = join(cacheFolder(), `foreign-clients-${hash}`)
  const python = join(home, 'bin', 'python')
  if (existsSync(join(home, 'complete'))) return python
  const work = `${home}.${process.pid}`
  rmSync(work, { recursive: true, force: true })
  rmSync(home, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  await run('python3', ['-m', 'venv', work])
  await run(
    join(work, 'bin', 'python'),
    ['-m', 'pip', 'install', '--quiet', '--no-compile', '--require-hashes', '-r', file],
    '',
    300_000,
  )
  mkdirSync(join(work, 'complete'))
  renameSync(work, home)
  return python
}

/** clients.py: see there. Resolves to what it prints. */
export async function foreignClient(verb: 'produce' | 'read', input: unknown): Promise<unknown> {
  return JSON.parse(await run(await foreignPython(), [join(folder, 'clients.py'), verb], JSON.stringify(input)))
}

/** One of Kafka's own tools by its class: `org.apache.kafka.tools.ConsoleProducer`. */
export async function kafkaTool(main: string, args: readonly string[], input = ''): Promise<string> {
  const [java, jars] = [await findJava(), await ensureJars('kafka-tools')]
  return run(java, ['-XX:TieredStopAtLevel=1', '-Xmx256m', '-cp', join(jars, '*'), main, ...args], input)
}
