/** How the sink reaches a server that takes TLS alone, as RDS with rds.force_ssl does. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { Signer } from '@aws-sdk/rds-signer'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { ddl, postgres } from '../../src/sinks/postgres/index.ts'
import { openWriter } from '../../src/sinks/postgres/writer.ts'
import { deliverTo, range } from '../../src/testing/contract-world.ts'
import { createAuthority } from '../support/certificates.ts'
import { startOwnPostgres } from '../support/own-postgres.ts'
import type { OwnPostgres } from '../support/own-postgres.ts'
import { root } from '../support/weirhouse.ts'

const ours = createAuthority('ours')
const theirs = createAuthority('theirs')
const folder = mkdtempSync(join(tmpdir(), 'weirhouse-tls-'))
const caFile = (name: string, certificate: string) => {
  const file = join(folder, name)
  writeFileSync(file, certificate)
  return file
}
const oursFile = caFile('ours.pem', ours.certificate)
const theirsFile = caFile('theirs.pem', theirs.certificate)
const sink = postgres({ id: 'sql', table: 'tls', columns: { id: 'text', n: 'integer', note: 'text' } })
let server: OwnPostgres

beforeAll(async () => {
  server = await startOwnPostgres({
    tls: ours.issue('localhost', ['localhost']),
    hba: ['hostssl all all 127.0.0.1/32 scram-sha-256'],
  })
  await server.asSuperuser('weirhouse', 'SET ROLE weirhouse', ...ddl(sink, 'log'))
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

interface Outcome {
  readonly rows?: number
  readonly code?: string
  readonly message?: string
  readonly cure?: string
}

let offset = 0
/** One row by the sink in a process of its own. */
function write(binding: object, variables: Record<string, string>): Promise<Outcome> {
  const { PATH } = process.env
  const script = join(root, 'test/support/postgres-write.ts')
  const text = JSON.stringify({ ...server.endpoint, host: 'localhost', ...binding })
  return new Promise((resolve, reject) => {
    const args = ['--conditions=source', script, text, String(offset++)]
    const child = spawn(process.execPath, args, { cwd: root, env: { PATH, ...variables } })
    const out: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => out.push(chunk))
    child.once('error', reject)
    child.once('close', () => {
      const said = Buffer.concat(out).toString()
      try {
        resolve(JSON.parse(said) as Outcome)
      } catch {
        reject(new Error(said))
      }
    })
  })
}

describe("ssl: 'verify'", () => {
  test('connects where the authority is named and the host is the one of the certificate', async () => {
    expect(await write({ ssl: 'verify' }, { NODE_EXTRA_CA_CERTS: oursFile })).toEqual({ rows: 1 })
  })

  test.each([
    ['no authority named', {}],
    ['another authority named', { NODE_EXTRA_CA_CERTS: theirsFile }],
  ])('%s: refused, and the cure names the variable and the file that a function has', async (_, variables) => {
    const outcome = await write({ ssl: 'verify' }, variables)
    expect(outcome).toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      message: expect.stringMatching(/certificate/),
      cure: expect.stringContaining('NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem'),
    })
  })

  test('the certificate of another host is refused', async () => {
    const outcome = await write({ ssl: 'verify', host: '127.0.0.1' }, { NODE_EXTRA_CA_CERTS: oursFile })
    expect(outcome).toMatchObject({
      code: 'WEIR_STORE_MISCONFIGURED',
      message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
      cure: expect.stringContaining('own name'),
    })
  })

  test('on loopback it is off where nothing is said, and a server that takes TLS alone says so', async () => {
    for (const binding of [{}, { ssl: 'off' }])
      expect(await write(binding, { NODE_EXTRA_CA_CERTS: oursFile })).toMatchObject({
        code: 'WEIR_STORE_MISCONFIGURED',
        message: expect.stringContaining('no encryption'),
        cure: expect.stringContaining("'verify'"),
      })
  })
})

describe("auth: 'iam'", () => {
  const keys = {
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token/'.repeat(200),
  }
  const noon = Date.UTC(2026, 0, 31, 12)
  const trusted = getCACertificates('default')
  beforeAll(() => setDefaultCACertificates([...trusted, ours.certificate]))
  afterAll(() => setDefaultCACertificates(trusted))

  /** As the SDK makes it: the server here compares it as a password. */
  async function tokenAt(now: number): Promise<string> {
    vi.useFakeTimers({ now, toFake: ['Date'] })
    try {
      const credentials = {
        accessKeyId: 'ASIAEXAMPLE',
        secretAccessKey: 'secret',
        sessionToken: keys.AWS_SESSION_TOKEN,
      }
      const { port, user: username } = server.endpoint
      return await new Signer({
        hostname: 'localhost',
        port,
        username,
        region: 'eu-west-1',
        credentials,
      }).getAuthToken()
    } finally {
      vi.useRealTimers()
    }
  }

  test('each connection logs in with a token made for it; one that was refused is not offered again', async () => {
    const { password: _, ...where } = server.endpoint
    const noLedger = () => Promise.reject(new Error('the PostgreSQL sink has no ledger'))
    const context = {
      pipeline: 'tls',
      order: 'log',
      binding: { ...where, host: 'localhost', auth: 'iam' },
      ledger: { read: noLedger, compareAndSet: noLedger },
      log: () => undefined,
    } as const
    await server.asSuperuser('weirhouse', `ALTER ROLE ${where.user} PASSWORD '${await tokenAt(noon)}'`)
    const times = [noon - 1000, noon, noon]
    const ports = { variables: { ...keys, AWS_REGION: 'eu-west-1' }, now: () => times.shift()! }
    const writer = openWriter(sink.options, context, undefined, ports)
    try {
      await expect(deliverTo(writer, [range([offset])])).rejects.toMatchObject({
        code: 'WEIR_STORE_MISCONFIGURED',
        message: expect.stringContaining('28P01'),
        cure: expect.stringContaining('rds_iam'),
      })
      expect((await deliverTo(writer, [range([offset++])])).ranges[0]!.rows).toBe(1)
      expect((await deliverTo(writer, [range([offset++])])).ranges[0]!.rows).toBe(1)
      expect(times, 'a connection that stands needs no token').toEqual([noon])
    } finally {
      await writer.close()
      await server.asSuperuser('weirhouse', `ALTER ROLE ${where.user} PASSWORD '${server.endpoint.password}'`)
    }
  })
})
