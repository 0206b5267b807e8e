import { expect, test } from 'vitest'
import { withClosedDoors, withoutDoors } from './lean.ts'

test.each([
  [
    "open: async () => (await import('./writer.ts')).openWriter(options)",
    "import * as $door0 from './writer.ts'\nopen: async () => $door0.openWriter(options)",
  ],
  ["const { a } = await import('./a.ts')", "import * as $door0 from './a.ts'\nconst { a } = $door0"],
  ["f(await import('./a.ts'))", "import * as $door0 from './a.ts'\nf($door0)"],
])('a door becomes an import: %s', (code, lean) => expect(withoutDoors(code)).toBe(lean))

test('where no door is opened, what is behind it stays out', () => {
  const [first, ...rest] = withClosedDoors("open: async () => (await import('./writer.ts')).openWriter(options)").split(
    '\n',
  )
  expect(first).toMatch(/^import \{ absentModule as \$closed \} from ".+settled\.ts"$/)
  expect(rest.join('\n')).toBe("open: async () => $closed('./writer.ts')().openWriter(options)")
})
