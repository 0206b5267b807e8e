import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLogin, scramProof } from './login.ts'
import { commandOf, createReader, errorOf, fieldsOf, query, rowOf, run, startup } from './messages.ts'

const authentication = (kind: number, data: string | Buffer = '') => {
  const code = Buffer.alloc(4)
  code.writeInt32BE(kind)
  return Buffer.concat([code, Buffer.from(data)])
}

/** RFC 7677, "SCRAM-SHA-256 and SCRAM-SHA-256-PLUS SASL mechanism", section 3. It names the user; PostgreSQL does not. */
describe('SCRAM-SHA-256', () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO'
  const combined = `${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0`
  const serverFirst = `r=${combined},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
  const started = () => {
    const login = createLogin({ user: 'user', password: 'pencil', nonce, isPrivate: true })
    const first = login(authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0')) as Buffer
    return { login, first }
  }

  test('begins with the nonce, without channel binding', () => {
    expect(started().first.toString('latin1')).toContain(`SCRAM-SHA-256\0\0\0\0\x1dn,,n=*,r=${nonce}`)
  })

  test('gives the proof of the RFC', () => {
    expect(scramProof('pencil', `n=user,r=${nonce}`, nonce, serverFirst)).toEqual({
      answer: `c=biws,r=${combined},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
      serverSignature: Buffer.from('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=', 'base64'),
    })
  })

  test('lets nobody pass for the server who does not know the password', () => {
    const { login } = started()
    const answer = (login(authentication(11, serverFirst)) as Buffer).toString('latin1')
    expect(answer).toContain(`c=biws,r=${combined},p=`)
    expect(login(authentication(12, 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toBeUndefined()
    expect(() => login(authentication(0))).toThrow(/did not prove/)
  })

  test.each([
    ['another nonce', `r=x${combined},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ['no more than our own nonce', `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ['no salt', `r=${combined},i=4096`],
    ['iterations without end', `r=${combined},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4000000000`],
  ])('an answer with %s is refused', (_, answer) => {
    const { login } = started()
    expect(() => login(authentication(11, answer))).toThrow(Error)
  })
})

test('a server that asks for a password where there is none is told apart', () => {
  const login = createLogin({ user: 'user', password: undefined, nonce: 'n', isPrivate: true })
  for (const kind of [3, 5, 10]) expect(() => login(authentication(kind, 'SCRAM-SHA-256\0\0'))).toThrow(/no password/)
  expect(() => login(authentication(7))).toThrow(/not supported/)
  expect(login(authentication(0))).toBe('in')
})

test('a password goes in clear text only where nobody listens', () => {
  const login = (isPrivate: boolean) => createLogin({ user: 'user', password: 'pencil', nonce: 'n', isPrivate })
  expect((login(true)(authentication(3)) as Buffer).toString('latin1', 5)).toBe('pencil\0')
  expect(() => login(false)(authentication(3))).toThrow(/clear text/)
})

test('MD5 is that of the server', () => {
  const login = createLogin({ user: 'user', password: 'password', nonce: 'n', isPrivate: false })
  const answer = login(authentication(5, Buffer.from([1, 2, 3, 4]))) as Buffer
  expect(answer.toString('latin1', 5)).toBe('md5a3576f1ae039b8996bc4fc2720f9c71a\0')
})

test('messages are the same however the network cuts them', () => {
  const stream = fc.array(fc.tuple(fc.constantFrom('T', 'D', 'Z', 'd'), fc.uint8Array({ maxLength: 300 })), {
    maxLength: 20,
  })
  fc.assert(
    fc.property(stream, fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1 }), (messages, cuts) => {
      const bytes = Buffer.concat(
        messages.map(([type, body]) => {
          const head = Buffer.alloc(5)
          head.write(type, 'latin1')
          head.writeInt32BE(body.length + 4, 1)
          return Buffer.concat([head, body])
        }),
      )
      const heard: [string, number[]][] = []
      const read = createReader((type, body) => heard.push([type, [...body]]))
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length]!
        read(bytes.subarray(at, at + size))
        at += size
      }
      expect(heard).toEqual(messages.map(([type, body]) => [type, [...body]]))
    }),
  )
})

test('what is sent has the form of the protocol', () => {
  expect(query('SELECT 1').toString('latin1')).toBe('Q\0\0\0\x0dSELECT 1\0')
  expect(startup({ user: 'u' }).toString('latin1')).toBe('\0\0\0\x10\0\x03\0\0user\0u\0\0')
  const bound = run('s', ['a"\\b', null, 7, Buffer.from([255]), ['x', 'N"\\', null, 1]]).toString('latin1')
  expect(bound).toContain('\0\0\0\x04a"\\b\xff\xff\xff\xff\0\0\0\x017\0\0\0\x01\xff')
  expect(bound).toContain(String.raw`{"x","N\"\\",NULL,1}`)
})

test('what is heard is read by its type', () => {
  const field = (name: string, type: number) => {
    const rest = Buffer.alloc(18)
    rest.writeInt32BE(type, 6)
    return Buffer.concat([Buffer.from(`${name}\0`), rest])
  }
  const types = { text: 25, big: 20, flag: 16, small: 23, data: 3802, bytes: 17, none: 25 }
  const texts = ['é', '9007199254740993', 't', '-5', '{"a":[1]}', String.raw`\x00ff`]
  const description = Buffer.concat([
    Buffer.from([0, 7]),
    ...Object.entries(types).map(([name, type]) => field(name, type)),
  ])
  const row = Buffer.concat([
    Buffer.from([0, 7]),
    ...texts.map((each) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(Buffer.byteLength(each))
      return Buffer.concat([length, Buffer.from(each)])
    }),
    Buffer.from([255, 255, 255, 255]),
  ])
  expect(rowOf(row, fieldsOf(description))).toEqual({
    text: 'é',
    big: '9007199254740993',
    flag: true,
    small: -5,
    data: { a: [1] },
    bytes: Buffer.from([0, 255]),
    none: null,
  })
  expect(commandOf(Buffer.from('INSERT 0 5\0'))).toBe('INSERT')
})

test('N5: an error keeps message and code, nothing that quotes a row', () => {
  const error = errorOf(Buffer.from('SERROR\0C23505\0Mduplicate key\0DKey (id)=(secret) exists.\0Hhint\0\0'))
  expect(error).toMatchObject({ message: 'duplicate key', code: '23505' })
  expect(inspect(error)).not.toContain('secret')
})
