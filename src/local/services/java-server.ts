import { request } from 'node:http'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, WeirError } from '../../core/errors.ts'
import { type EnsureOptions, ensureJars } from '../jars/ensure.ts'
import type { JarsName } from '../jars/catalog.ts'
import { findJava } from '../jars/java.ts'
import { claimFolder, type Running, startProcess } from '../process.ts'
import type { ServiceOptions } from '../service.ts'

/** The first answer of a cold server on a busy machine takes seconds. */
const ASK_MS = 20_000

export interface JavaProgram {
  readonly java: string
  /** Folder with the jars. */
  readonly lib: string
}

/**
 * What every Java server needs before it starts: Java, its jars, a folder that is ours, a temporary folder inside it.
 * Throws WEIR_PREREQUISITE, WEIR_DOWNLOAD, WEIR_CHECKSUM, WEIR_FOLDER.
 */
export async function prepareJava(name: JarsName, options: ServiceOptions): Promise<JavaProgram> {
  const ensure: EnsureOptions = {
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }
  const [java, lib] = await Promise.all([findJava(options.env), ensureJars(name, ensure)])
  await claimFolder(options.folder)
  await emptyFolder(temporaryFolder(options.folder))
  return { java, lib }
}

/** Native libraries and databases in memory leave files in the temporary folder when killed: give them one of ours. */
function temporaryFolder(folder: string): string {
  return join(folder, 'tmp')
}

export interface JavaCommand {
  readonly server: string
  readonly jvm: readonly string[]
  readonly main: string
  readonly args: readonly string[]
}

/** Starts a Java main class on the jars. No shell: Java itself reads the `*`. */
export function startJava(program: JavaProgram, options: ServiceOptions, command: JavaCommand): Promise<Running> {
  const jvm = [
    '-XX:+UseSerialGC',
    '-XX:-UsePerfData',
    ...(options.fastStart === false ? [] : ['-XX:TieredStopAtLevel=1']),
    `-Djava.io.tmpdir=${temporaryFolder(options.folder)}`,
    ...command.jvm,
  ]
  return startProcess({
    server: command.server,
    command: program.java,
    args: [...jvm, '-cp', join(program.lib, '*'), command.main, ...command.args],
    cwd: options.folder,
    log: join(options.folder, 'server.log'),
    ...(options.env === undefined ? {} : { env: options.env }),
  })
}

/** Makes the folder, or empties it. Throws WEIR_FOLDER. */
export async function emptyFolder(folder: string): Promise<void> {
  await onFolder(folder, async () => {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
  })
}

/** Writes a configuration file that only its owner may read. Throws WEIR_FOLDER. */
export async function writeConfig(folder: string, name: string, lines: readonly string[]): Promise<string> {
  const file = join(folder, name)
  await onFolder(folder, async () => {
    await mkdir(folder, { recursive: true })
    await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  })
  return file
}

/** A fault of a file operation is a fault of the folder: no space, not writable, not a folder. */
export async function onFolder<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof WeirError
      ? error
      : new WeirError('WEIR_FOLDER', { folder, reason: messageOf(error) }, { cause: error })
  }
}

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

export interface Question {
  readonly method: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** One request on a connection of its own, which keeps no process alive. */
export function ask(url: string, { method, headers = {}, body = '' }: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: false,
      timeout: ASK_MS,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
    })
    sent.once('timeout', () => sent.destroy(new Error(`no answer within ${ASK_MS} ms`)))
    sent.once('error', reject)
    sent.once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
    })
    sent.end(body)
  })
}
