import { createServer, type Server } from 'node:net'
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WeirError } from '../core/errors.ts'

const LOOPBACK = '127.0.0.1'
/** IANA, RFC 6335: the last port. */
const LAST_PORT = 65_535
/**
 * Free ports are drawn from here and not asked of the system, whose own begin at 32768 (Linux) and 49152 (macOS,
 * Windows): one of those may become the source port of any connection before our server has bound it.
 */
const FREE_PORTS = { from: 20_000, to: 32_000 }
const DRAWS = 100
const GIVEN_BACK_MS = 1000
const GIVEN_BACK_POLL_MS = 50

/**
 * Hands out one loopback port for each name: free ones, or `base`, `base + 1` and so on where a base is given.
 * Throws WEIR_PORT when a port counted from a base is taken.
 */
export async function choosePorts<Name extends string>(
  names: readonly Name[],
  base?: number,
): Promise<Readonly<Record<Name, number>>> {
  const held: Server[] = []
  try {
    const entries: [Name, number][] = []
    for (const [i, name] of names.entries()) {
      const server = base === undefined ? await holdFree(name) : await holdSoon(portFrom(base, i, name), name)
      held.push(server)
      entries.push([name, (server.address() as { port: number }).port])
    }
    return Object.fromEntries(entries) as Record<Name, number>
  } finally {
    // All are held until all are chosen, so that none comes twice.
    await Promise.all(held.map(release))
  }
}

function portFrom(base: number, offset: number, server: string): number {
  const port = base + offset
  if (Number.isInteger(port) && port > 0 && port <= LAST_PORT) return port
  throw new WeirError('WEIR_USAGE', {
    reason: `Port ${port} for ${server} is not between 1 and ${LAST_PORT}`,
    advice: 'Give another --port-base.',
  })
}

/** A server that was just killed gives its port back a moment later than its process id. */
async function holdSoon(port: number, name: string): Promise<Server> {
  const until = performance.now() + GIVEN_BACK_MS
  for (;;) {
    try {
      return await hold(port, name)
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(GIVEN_BACK_POLL_MS)
    }
  }
}

async function holdFree(name: string): Promise<Server> {
  for (let draw = 1; ; draw++) {
    try {
      return await hold(randomInt(FREE_PORTS.from, FREE_PORTS.to), name)
    } catch (error) {
      if (draw === DRAWS) throw error
    }
  }
}

function hold(port: number, name: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (cause) => reject(new WeirError('WEIR_PORT', { port, server: name }, { cause })))
    server.listen({ port, host: LOOPBACK, exclusive: true }, () => resolve(server))
  })
}

function release(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
