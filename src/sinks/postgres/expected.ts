/** Why a value is refused that is of another kind than its column's. */
export function expected(what: string, value: unknown): string {
  const got = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  return `expected ${what}, got ${typeof value === 'number' ? String(value) : got}`
}
