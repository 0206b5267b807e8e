import { Signer } from '@aws-sdk/rds-signer'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { iamToken } from './iam-token.ts'
import { parseBinding } from './session.ts'

afterEach(() => void vi.useRealTimers())

const where = { host: 'db.abc123.eu-west-1.rds.amazonaws.com', port: 5432, user: 'weirhouse_demo' }
const keys = { AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'a/token+==' }
const now = Date.UTC(2026, 0, 31, 12)

test("the token is the SDK's, byte for byte, session token included", async () => {
  vi.useFakeTimers({ now, toFake: ['Date'] })
  const signer = new Signer({
    hostname: where.host,
    port: where.port,
    username: where.user,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'secret', sessionToken: 'a/token+==' },
  })
  const variables = { ...keys, AWS_REGION: 'eu-west-1' }
  expect(iamToken(where, { variables, now: () => now })).toBe(await signer.getAuthToken())
})

test('the region may be the default one; without region or keys it says which variable is missing', () => {
  const token = (variables: Record<string, string>) => iamToken(where, { variables, now: () => now })
  expect(token({ ...keys, AWS_DEFAULT_REGION: 'eu-west-1' })).toBe(token({ ...keys, AWS_REGION: 'eu-west-1' }))
  expect(() => token(keys)).toThrow('AWS_REGION')
  expect(() => token({ AWS_REGION: 'eu-west-1' })).toThrow('AWS_ACCESS_KEY_ID')
})

describe('bindings', () => {
  const binding = { ...where, database: 'records' }

  test('a password where nothing is said', () => {
    expect(parseBinding({ ...binding, password: 'x' }, 'sql')).toMatchObject({ auth: 'password', password: 'x' })
    expect(parseBinding({ ...binding, auth: 'iam' }, 'sql')).toEqual({ ...binding, auth: 'iam' })
    expect(parseBinding({ ...binding, auth: 'iam', ssl: 'verify' }, 'sql')).toMatchObject({ ssl: 'verify' })
  })

  test.each([
    [{ auth: 'iam', password: 'x' }, 'password: '],
    [{ auth: 'iam', ssl: 'off' }, 'ssl: '],
    [{ auth: 'kerberos' }, 'auth: '],
  ])('%j is refused', (more, fault) => {
    expect(() => parseBinding({ ...binding, ...more }, 'sql')).toThrow(fault)
    expect(() => parseBinding({ ...binding, ...more }, 'sql')).not.toThrow('"x"')
  })
})
