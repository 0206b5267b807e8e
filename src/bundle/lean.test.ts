import { describe, expect, test } from 'vitest'
import { withoutDoors, withoutTexts } from './lean.ts'

describe('texts of options', () => {
  test.each([
    [`describe(v.string(), 'What it is.')`, `describe(v.string(), "")`],
    [`describe(v.string(), "What it's like.", 's')`, `describe(v.string(), "")`],
    ["describe(\n  id,\n  `Of ${known}, with '[]'.`,\n)", 'describe(\n  id, "")'],
  ])('%s goes', (code, lean) => expect(withoutTexts(code)).toBe(lean))

  test.each([
    `v.regex(/^a$/, 'use a-z, a letter first')`,
    `v.check(is, 'PostgreSQL cuts names at 63 bytes')`,
    `v.optional(v.picklist(['S', 'N']), 'S')`,
  ])('%s stays', (code) => expect(withoutTexts(code)).toBe(code))
})

test('a door becomes an import', () => {
  const code = "open: async () => (await import('./writer.ts')).openWriter(options)"
  expect(withoutDoors(code)).toBe(
    "import * as $door0 from './writer.ts'\nopen: async () => (await $door0).openWriter(options)",
  )
})
