import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createAuthority } from '../../test/support/certificates.ts'
import { kafkaOf, readCommandConfig } from './kafka-target.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-kafka-target-'))
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_PROFILE'])
    vi.stubEnv(name, undefined)
  vi.stubEnv('AWS_DEFAULT_REGION', undefined)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
})
afterEach(() => void vi.unstubAllEnvs())

function file(name: string, ...lines: string[]): string {
  const path = join(folder, name)
  writeFileSync(path, lines.join('\n'))
  return path
}

const msk = 'b-1.demo.a1b2c3.c2.kafka.eu-west-1.amazonaws.com:9098'
const iam = (options = '') => [
  'security.protocol=SASL_SSL',
  'sasl.mechanism=AWS_MSK_IAM',
  `sasl.jaas.config=software.amazon.msk.auth.iam.IAMLoginModule required${options};`,
]

/** What a token says: whose keys, which region. */
async function tokenOf(bootstrap: string, path: string): Promise<string> {
  const { sasl } = readCommandConfig([bootstrap], path).connection
  if (sasl?.mechanism !== 'OAUTHBEARER') throw new Error('no token')
  const url = new URL(Buffer.from(await sasl.token(), 'base64url').toString())
  return `${url.host} ${url.searchParams.get('X-Amz-Credential')?.replace(/\d{8}/, 'day')}`
}

test("a stack's own brokers want nothing; others what their file says", () => {
  expect(kafkaOf({ kafka: { bootstrap: 'a:1,b:2' } })).toEqual({ bootstrap: ['a:1', 'b:2'] })
  expect(kafkaOf({ kafka: { bootstrap: 'a:1', external: { commandConfig: null } } })).toEqual({ bootstrap: ['a:1'] })
  const commandConfig = file('id.properties', 'client.id=me')
  expect(kafkaOf({ kafka: { bootstrap: 'a:1', external: { commandConfig } } })).toEqual({
    bootstrap: ['a:1'],
    clientId: 'me',
  })
})

test('a file that is named is looked for beside the file that names it, too', () => {
  const { certificate } = createAuthority('authority')
  file('authority.pem', certificate)
  const path = file(
    'tls.properties',
    'security.protocol=SSL',
    'ssl.truststore.type=PEM',
    'ssl.truststore.location=authority.pem',
    'acks=all',
  )
  expect(readCommandConfig(['a:1'], path)).toEqual({
    connection: { bootstrap: ['a:1'], tls: { ca: certificate, verifyHost: true } },
    ignored: ['acks'],
  })
})

test('letters beyond ASCII are read as Kafka reads them: ISO-8859-1, or escaped', () => {
  const path = file('latin1.properties', 'client.id=\\u00fc')
  writeFileSync(join(folder, 'utf8.properties'), 'client.id=ü')
  expect(readCommandConfig(['a:1'], path).connection.clientId).toBe('ü')
  expect(readCommandConfig(['a:1'], join(folder, 'utf8.properties')).connection.clientId).toBe('Ã¼')
})

test('a file that is not there is told', () => {
  const path = join(folder, 'none.properties')
  expect(() => readCommandConfig(['a:1'], path)).toThrow(
    expect.objectContaining({ code: 'WEIR_INPUT', message: expect.stringContaining(path) as string }) as Error,
  )
})

test('IAM: keys of the environment, the region in the name of the brokers', async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDENV')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  vi.stubEnv('AWS_REGION', 'us-east-2')
  const path = file('iam.properties', ...iam())
  expect(await tokenOf(msk, path)).toBe(
    'kafka.eu-west-1.amazonaws.com AKIDENV/day/eu-west-1/kafka-cluster/aws4_request',
  )
  expect(await tokenOf('tunnel.example.com:9098', path)).toContain('kafka.us-east-2.amazonaws.com AKIDENV')
})

test('IAM: a profile of the configuration files, even where the environment has keys', async () => {
  mkdirSync(join(folder, 'aws'), { recursive: true })
  const credentials = file('aws/credentials', '[dev]', 'aws_access_key_id=AKIDPROFILE', 'aws_secret_access_key=secret')
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', credentials)
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'aws', 'config'))
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDENV')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret')
  expect(await tokenOf(msk, file('profile.properties', ...iam(' awsProfileName="dev"')))).toContain(' AKIDPROFILE/')
})

test('IAM: no credentials anywhere, no region anywhere', async () => {
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'none'))
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'none'))
  const path = file('nobody.properties', ...iam(' awsProfileName="nobody"'))
  await expect(tokenOf(msk, path)).rejects.toMatchObject({
    code: 'WEIR_KAFKA_LOGIN',
    message: expect.stringContaining('signing a token for MSK') as string,
    cure: expect.stringContaining('AWS_ACCESS_KEY_ID') as string,
  })
  await expect(tokenOf('a:1', path)).rejects.toMatchObject({ code: 'WEIR_CREDENTIALS' })
})
