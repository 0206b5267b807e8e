/**
 * One rule on templates: what must hold, in the words of CloudFormation Guard, and what is said where it does not. For what
 * the services refuse, or take and lose records by, and neither the CDK nor its own validation sees.
 */
export interface TemplateRule {
  /** Stable: what it is acknowledged by. */
  readonly name: string
  /** The setting, for the reader. */
  readonly what: string
  /** What the setting got, in words: where a value is not at hand, and for Guard, whose messages are fixed. */
  readonly got: string
  readonly why: string
  /** What to do, after "Instead, ". */
  readonly instead: string
  /** The rule's body. `<<>>` stands for the message, after each clause that may fail. */
  readonly guard: string
  /**
   * Which value the message shows: the one at a path from the resource on, such as `Properties.ReplicationFactor`, or `words`
   * for those of `got`.
   * @default the one that Guard points at
   */
  readonly shows?: string
}

/** The message, with the value where it is known. */
export function messageOf({ what, got, why, instead }: TemplateRule, value: string = got): string {
  return `${what} got ${value}, but ${why}. Instead, ${instead}.`
}

export function guardName({ name }: Pick<TemplateRule, 'name'>): string {
  return `weirhouse_${name.replaceAll('-', '_')}`
}

/** As a file of Guard. */
export function guardText(rule: TemplateRule): string {
  const body = rule.guard.replaceAll('<<>>', `<<${messageOf(rule)}>>`)
  return `rule ${guardName(rule)} when Resources.* !empty {\n${body}\n}\n`
}

/** Resources of these types of which all of `where` holds. Two filters in a row stop the engine, so it is always one. */
export function resources(types: readonly string[], ...where: readonly string[]): string {
  const names = types.map((type) => `'${type}'`).join(', ')
  return `Resources.*[ ${[`Type IN [${names}]`, ...where].join(' ')} ]`
}

/** A clause: true, or what only a deployment knows, such as a parameter. */
export function isTrue(path: string): string {
  return `${path} is_struct or ${path} IN [true, 'true'] <<>>`
}

/** A clause: not there, false, or what only a deployment knows. */
export function isNotTrue(path: string): string {
  return `${path} !exists or ${path} is_struct or ${path} IN [false, 'false'] <<>>`
}
