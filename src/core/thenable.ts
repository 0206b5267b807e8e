/** Whether `await` would wait for it: a promise of any library or realm, not only `instanceof Promise`. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/**
 * Finds a promise where nothing waits for one. Should it reject later, that must not end the process: its record is
 * refused already, and says why.
 */
export function holdsThenable(values: readonly unknown[]): boolean {
  let found = false
  for (const each of values)
    if (isThenable(each)) {
      found = true
      void Promise.resolve(each).catch(() => undefined)
    }
  return found
}
