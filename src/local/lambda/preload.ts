/**
 * Loaded into a function's process before AWS's runtime client: answers for its native part, `rapid-client.node`, which
 * would need a compiler. Runs alone, outside of the package: it imports Node's own modules only.
 *
 * The native part has four functions. `done` and `error` return nothing and are not waited for; the client asks for the
 * next event right after, so that `next` is where their request is seen to its end.
 */
import http from 'node:http'
import Module from 'node:module'

type Headers = Readonly<Record<string, string | string[] | undefined>>

const [hostname, port] = (process.env['AWS_LAMBDA_RUNTIME_API'] ?? '').split(':')
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })

let posted: Promise<unknown> = Promise.resolve()

const client = {
  initializeClient: (): void => undefined,
  next: async (): Promise<{ bodyJson: string; headers: Headers }> => {
    await posted
    const { body, headers } = await call('GET', 'next')
    return { bodyJson: body, headers }
  },
  done: (id: string, body: string): void => post(`${id}/response`, body),
  error: (id: string, body: string): void => post(`${id}/error`, body),
}

function post(path: string, body: string): void {
  posted = call('POST', path, body)
  // Seen by next(), which ends the process: without its answer delivered, an instance is of no use.
  posted.catch(() => undefined)
}

function call(method: string, path: string, body?: string): Promise<{ body: string; headers: Headers }> {
  return new Promise((resolve, reject) => {
    const headers =
      body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const options = { agent, hostname, port, method, headers, path: `/2018-06-01/runtime/invocation/${path}` }
    const request = http.request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ body: Buffer.concat(chunks).toString('utf8'), headers: response.headers }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

interface Loader {
  _load: (request: string, ...rest: unknown[]) => unknown
}
const loader = Module as unknown as Loader
const load = loader._load
loader._load = function (this: unknown, request: string, ...rest: unknown[]): unknown {
  return request.endsWith('rapid-client.node') ? client : load.call(this, request, ...rest)
}

/**
 * Each line is in the pipe before the process goes on: it is frozen as soon as it asks for the next event, and can be
 * killed at any time.
 */
for (const stream of [process.stdout, process.stderr]) {
  const { _handle } = stream as unknown as { readonly _handle?: { readonly setBlocking?: (on: boolean) => number } }
  _handle?.setBlocking?.(true)
}
