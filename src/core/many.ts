/** One, many or none, as users may give them. A copy: a hole becomes undefined, and what is filled anew each time stays. */
export function manyOf(result: unknown): unknown[] {
  if (result === null || result === undefined) return []
  return Array.isArray(result) ? Array.from(result as unknown[]) : [result]
}
