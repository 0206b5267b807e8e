import { expect, test } from 'vitest'
import { withoutDoors } from './lean.ts'

test.each([
  [
    "open: async () => (await import('./writer.ts')).openWriter(options)",
    "import * as $door0 from './writer.ts'\nopen: async () => $door0.openWriter(options)",
  ],
  ["const { a } = await import('./a.ts')", "import * as $door0 from './a.ts'\nconst { a } = $door0"],
  ["f(await import('./a.ts'))", "import * as $door0 from './a.ts'\nf($door0)"],
])('a door becomes an import: %s', (code, lean) => expect(withoutDoors(code)).toBe(lean))
