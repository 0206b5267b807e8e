/** Where a debugger attaches to a function's process. Source: Node.js, "Debugging"; Chrome DevTools Protocol, HTTP endpoints. */
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 20
const TRIES = 500

/** `ws://127.0.0.1:<port>/<id>` once the process listens; undefined where it ends first. */
export async function debuggerAddress(port: number, alive: () => boolean): Promise<string | undefined> {
  for (let tries = 0; tries < TRIES && alive(); tries++) {
    const found = await ask(port)
    if (found !== undefined) return found
    await sleep(POLL_MS)
  }
  return undefined
}

async function ask(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/json/list`)
    const [first] = (await response.json()) as { readonly webSocketDebuggerUrl?: string }[]
    return first?.webSocketDebuggerUrl
  } catch {
    return undefined // nobody listens yet
  }
}
