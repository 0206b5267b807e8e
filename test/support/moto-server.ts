/**
 * moto's server behind a proxy that makes of it what the CDK's command line needs: templates rewritten on their way, as moto
 * lacks some types, and a Lambda that answers as the operations function does. Every request is noted.
 */
import { spawn } from 'node:child_process'
import { createServer, request as forward } from 'node:http'
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { rewriteForMoto } from '../aws/moto-rewrite.ts'
import { AWS_REQUIREMENTS } from './aws-python.ts'
import { foreignPython } from './foreign.ts'

export interface MotoServer {
  /** For AWS_ENDPOINT_URL. By that very name moto reads a bucket from the path. */
  readonly endpoint: string
  /** What was asked that matters: change sets executed by stack, invocations, stacks deleted. In order. */
  readonly notes: readonly string[]
  close(): Promise<void>
}

const script = fileURLToPath(new URL('../foreign/moto_server.py', import.meta.url))
/** What the operations function answers. */
const MIGRATED = { verb: 'migrate', statements: ['CREATE TABLE demo ()'], applied: true }
const INVOCATION = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/
const START_MS = 30_000

export async function motoServer(): Promise<MotoServer> {
  const port = await freePort()
  const python = await foreignPython(AWS_REQUIREMENTS)
  const moto = spawn(python, [script, String(port)], { stdio: 'ignore' })
  await listening(port)
  const notes: string[] = []
  const server = createServer((request, response) => {
    answer(request, response, `http://127.0.0.1:${port}`, notes).catch((error: unknown) => {
      response.destroy(error as Error)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    endpoint: `http://localhost:${(server.address() as AddressInfo).port}`,
    notes,
    close: async () => {
      moto.kill('SIGKILL')
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  moto: string,
  notes: string[],
): Promise<void> {
  const body = await buffer(request)
  const invoked = INVOCATION.exec(request.url!)?.[1]
  if (invoked !== undefined) {
    notes.push(`invoke ${body.toString('utf8')}`)
    response.end(JSON.stringify(MIGRATED))
    return
  }
  const form = isForm(request) ? new URLSearchParams(body.toString('utf8')) : undefined
  if (form) note(form, notes)
  const sent = form?.has('TemplateURL') ? Buffer.from(String(await withTemplate(form, moto))) : body
  const headers: OutgoingHttpHeaders = { ...request.headers, 'content-length': sent.length }
  const onward = forward(new URL(request.url!, moto), { method: request.method, headers }, (from) => {
    response.writeHead(from.statusCode!, from.headers)
    from.pipe(response)
  })
  onward.on('error', (error) => response.destroy(error))
  onward.end(sent)
}

function isForm({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
}

/** Of the shape of a signature, which is all that moto asks for. */
const SIGNED = {
  authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0',
}

/** The template comes from moto's own bucket, where the CDK has put it. */
async function withTemplate(form: URLSearchParams, moto: string): Promise<URLSearchParams> {
  const { pathname } = new URL(form.get('TemplateURL')!)
  const template = await fetch(new URL(pathname, moto), { headers: SIGNED })
  form.delete('TemplateURL')
  form.set('TemplateBody', rewriteForMoto(await template.text()))
  return form
}

function note(form: URLSearchParams, notes: string[]): void {
  const stack = (form.get('StackName') ?? '').replace(/^arn:.*:stack\/([^/]+)\/.*/, '$1')
  if (form.get('Action') === 'ExecuteChangeSet') notes.push(`deploy ${stack}`)
  if (form.get('Action') === 'DeleteStack') notes.push(`delete ${stack}`)
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(port: number): Promise<void> {
  const until = performance.now() + START_MS
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('connect', () => (socket.destroy(), resolve(true)))
      socket.once('error', () => resolve(false))
    })
    if (open) return
    if (performance.now() > until) throw new Error(`moto does not listen on ${port} after ${START_MS} ms`)
    await sleep(100)
  }
}
