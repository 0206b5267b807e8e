import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { faultOf, faultTable, keepsConnection } from './faults.ts'
import { isolate } from './isolate.ts'

const withCode = (code: string, message = 'm') => Object.assign(new Error(message), { code })

describe('D8: causes told apart', () => {
  test.each([
    ['40P01', 'retryable', true],
    ['40001', 'retryable', true],
    ['55P03', 'retryable', true],
    ['57014', 'retryable', true],
    ['57P01', 'retryable', false],
    ['53300', 'retryable', false],
    ['25006', 'retryable', false],
    ['08006', 'retryable', false],
    ['ECONNRESET', 'retryable', false],
    ['EPIPE', 'retryable', false],
    ['23505', 'refused', true],
    ['22001', 'refused', true],
    ['P0001', 'refused', true],
    ['54001', 'refused', true],
    ['ZZ007', 'refused', true],
    ['45000', 'refused', true],
    ['72000', 'retryable', true],
    ['HV001', 'retryable', true],
    ['40002', 'refused', true],
    ['21000', 'refused', true],
    ['42P01', 'misconfigured', true],
    ['42501', 'misconfigured', true],
    ['28P01', 'misconfigured', true],
    ['0A000', 'misconfigured', false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'misconfigured', false],
  ])('%s is %s', (code, kind, keeps) => {
    const fault = faultOf(withCode(code))
    expect(fault).toMatchObject({ kind, code })
    expect(keepsConnection(fault)).toBe(keeps)
  })

  test.each([
    ['Connection terminated unexpectedly', 'retryable'],
    ['The server does not support SSL connections', 'misconfigured'],
    ['something nobody foresaw', 'retryable'],
  ])('%s is %s', (message, kind) => expect(faultOf(new Error(message))).toMatchObject({ kind, code: 'unknown' }))

  test.each([
    ['28000', 'PAM authentication failed for user "weirhouse_demo"', 'misconfigured', 'rds-db:connect'],
    ['28P01', 'password authentication failed for user "weirhouse_demo"', 'misconfigured', 'rds_iam'],
    [
      '28000',
      'no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", no encryption',
      'misconfigured',
      'verify',
    ],
    [
      '28000',
      'no pg_hba.conf entry for host "10.0.0.1", user "u", database "d", SSL encryption',
      'misconfigured',
      'pg_hba',
    ],
    ['28000', 'role "weirhouse_demo" is not permitted to log in', 'misconfigured', 'weirhouse migrate'],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'self-signed certificate',
      'misconfigured',
      'NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem',
    ],
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'unable to verify',
      'misconfigured',
      'NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem',
    ],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'does not match', 'misconfigured', 'host'],
  ])('%s %s: %s, and its advice names %s', (code, message, kind, named) => {
    const fault = faultOf(withCode(code, message))
    expect(fault).toMatchObject({ kind, code })
    expect(fault.advice).toContain(named)
  })

  test('several addresses tried: the first cause counts', () => {
    expect(faultOf(new AggregateError([withCode('ECONNREFUSED')]))).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('every cause has advice', () => {
    for (const { advice } of Object.values(faultTable)) expect(advice).toMatch(/^[A-Z].*\.$/)
  })
})

describe('D6 D8: isolation', () => {
  test('exactly the bad ones are found, whatever their number, and the rest passes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 60 }), async (bad) => {
        const passed: number[] = []
        const refused = await isolate(
          bad.map((_, i) => i),
          (some) => {
            if (some.some((i) => bad[i])) return Promise.resolve('bad')
            passed.push(...some)
            return Promise.resolve(undefined)
          },
        )
        expect(refused.map(({ record }) => record)).toEqual([...bad.keys()].filter((i) => bad[i]))
        expect(passed).toEqual([...bad.keys()].filter((i) => !bad[i]))
      }),
    )
  })

  test('N3: one bad record of 10,000 takes about two attempts a halving', async () => {
    let attempts = 0
    await isolate(
      Array.from({ length: 10_000 }, (_, i) => i),
      (some) => {
        attempts++
        return Promise.resolve(some.includes(7_777) ? 'bad' : undefined)
      },
    )
    expect(attempts).toBeLessThan(32)
  })

  test('an error that is no refusal ends it', async () => {
    await expect(isolate([1, 2], () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
  })
})
