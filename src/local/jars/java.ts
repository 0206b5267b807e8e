import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { messageOf, WeirError } from '../../core/errors.ts'

const run = promisify(execFile)

/** Kafka 4 brokers and DynamoDB Local 3 need it. */
const OLDEST_JAVA = 17
const ANSWER_MS = 20_000

/** How to get what is missing, in one line. */
const advice = {
  java: 'Install it: sudo apt-get install default-jre-headless (Debian, Ubuntu), sudo dnf install java-21-openjdk-headless (Fedora), brew install openjdk (macOS).',
  maven:
    'Install it: sudo apt-get install maven (Debian, Ubuntu), sudo dnf install maven (Fedora), brew install maven (macOS). It is needed once, to fetch the servers.',
}

/**
 * The `java` to run servers with: that of JAVA_HOME where it is set, else the one on the PATH.
 * Throws WEIR_PREREQUISITE where there is none or it is older than 17.
 */
export async function findJava(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const java = env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : 'java'
  const output = await answer(java, ['-version'], env, (reason) => missing(`Java ${OLDEST_JAVA}`, reason, advice.java))
  // openjdk version "17.0.15" 2025-04-15; Java 8 and older say "1.8.0_402".
  const version = /version "(?:1\.)?(\d+)/.exec(output)?.[1]
  if (version === undefined || Number(version) < OLDEST_JAVA)
    throw missing(`Java ${OLDEST_JAVA}`, `\`${java}\` is Java ${version ?? 'of an unknown version'}`, advice.java)
  return java
}

/** The `mvn` that fetches servers. Throws WEIR_PREREQUISITE where there is none. */
export async function findMaven(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const maven = process.platform === 'win32' ? 'mvn.cmd' : 'mvn'
  await answer(maven, ['--version'], env, (reason) => missing('Maven', reason, advice.maven))
  return maven
}

function missing(what: string, reason: string, cure: string): WeirError {
  return new WeirError('WEIR_PREREQUISITE', { what, reason, advice: cure })
}

async function answer(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  fault: (reason: string) => WeirError,
): Promise<string> {
  try {
    const { stdout, stderr } = await run(command, args, { env, timeout: ANSWER_MS })
    return stderr + stdout
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    // A Mac has a `java` that only says that there is no Java.
    throw fault(absent ? `there is no \`${command}\`` : `\`${command}\` fails: ${firstLine(messageOf(error))}`)
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n').slice(0, 2).join(' ').slice(0, 200)
}
