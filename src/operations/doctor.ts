/** Checks with a cure each. What is checked comes in: the machine from the command line, a stack's servers from below. */
import { connect } from 'node:net'
import { messageOf, WeirError } from '../core/errors.ts'
import { openAdmin } from '../kafka/admin.ts'
import { reachKafka } from '../kafka/reach.ts'
import { kafkaOf } from './kafka-target.ts'
import type { Target } from './target.ts'

export interface Check {
  readonly name: string
  /** Resolves with what was found; throws where something is at fault, WeirError with a cure at best. */
  readonly find: () => Promise<string>
  /** What to do where `find` throws no WeirError. */
  readonly cure: string
}

export interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly found: string
  /** Empty where all is well. */
  readonly cure: string
}

/** Runs one check; never throws. */
export async function examine({ name, find, cure }: Check): Promise<Finding> {
  try {
    return { check: name, ok: true, found: await find(), cure: '' }
  } catch (error) {
    const known = error instanceof WeirError
    return { check: name, ok: false, found: messageOf(error), cure: known && error.cure !== '' ? error.cure : cure }
  }
}

const ANSWER_MS = 5000
const restart = 'See its log under .weirhouse; `weirhouse down`, then `weirhouse up --detach` starts all anew.'

const notOurs = 'These brokers are not of this stack: ask whoever runs them.'

/** One check a server of a running stack: does it answer? */
export function serverChecks(target: Target): Check[] {
  return [
    { name: 'Kafka', cure: target.kafka.external ? notOurs : restart, find: () => kafkaAnswers(target) },
    { name: 'PostgreSQL', cure: restart, find: () => accepts(new URL(target.postgres.url), POSTGRES_PORT) },
    { name: 'S3', cure: restart, find: () => answers(target.s3.endpoint) },
    { name: 'DynamoDB', cure: restart, find: () => answers(target.dynamodb.endpoint) },
    { name: 'Lambda', cure: restart, find: () => answers(target.lambda.endpoint) },
  ]
}

async function kafkaAnswers(target: Target): Promise<string> {
  const connection = kafkaOf(target)
  if (target.kafka.external) await reachKafka(connection)
  const admin = openAdmin(connection)
  try {
    const topics = `${target.kafka.bootstrap}, ${(await admin.listTopics()).length} topics`
    return target.kafka.external ? `${topics}, not of this stack` : topics
  } finally {
    await admin.close()
  }
}

/** Any HTTP answer, an error's as well: an unsigned request is refused by a server that is there. */
async function answers(endpoint: string): Promise<string> {
  try {
    const response = await fetch(endpoint, { signal: AbortSignal.timeout(ANSWER_MS) })
    await response.arrayBuffer()
    return endpoint
  } catch (error) {
    throw new Error(`${endpoint} does not answer: ${messageOf((error as Error).cause ?? error)}`, { cause: error })
  }
}

const POSTGRES_PORT = 5432

function accepts(url: URL, defaultPort: number): Promise<string> {
  const port = Number(url.port || defaultPort)
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port, timeout: ANSWER_MS })
    socket.once('connect', () => {
      socket.destroy()
      resolve(`${url.hostname}:${port}`)
    })
    socket.once('timeout', () => socket.destroy(new Error(`${url.hostname}:${port} does not answer`)))
    socket.once('error', reject)
  })
}
