import * as fc from 'fast-check'

/** Any text that UTF-8 can hold, NUL and beyond U+FFFF included. (fast-check's own 'binary' first maps a million characters.) */
export function unicode(): fc.Arbitrary<string> {
  const point = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0x80, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  return fc.string({ unit: point.map((each) => String.fromCodePoint(each)) })
}
