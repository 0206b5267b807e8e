/**
 * The value of `sasl.jaas.config`: `LoginModule required name=value name="value" ... ;`, one module. The rules are those
 * of Kafka's JaasConfig, which reads it with java.io.StreamTokenizer: comments as in Java, quotes with escapes.
 */
export interface JaasEntry {
  /** Its whole class name. */
  readonly module: string
  readonly options: ReadonlyMap<string, string>
}

/** Throws Error that says what was expected, and never what was got: that holds the password. */
export function parseJaas(text: string): JaasEntry {
  const tokens = tokensOf(text)
  const module = tokens[0]
  if (module?.kind !== 'word') throw new Error('a login module first, by its whole class name')
  const flag = tokens[1]?.text.toLowerCase() ?? ''
  if (!['required', 'requisite', 'sufficient', 'optional'].includes(flag))
    throw new Error('"required" after the login module')
  const options = new Map<string, string>()
  let at = 2
  for (; at < tokens.length && tokens[at]!.text !== ';'; at += 3) {
    const [name, equals, value] = tokens.slice(at, at + 3)
    if (equals?.kind !== 'sign' || equals.text !== '=' || value === undefined || value.kind === 'sign')
      throw new Error('name="value" for each option, and a semicolon after the last')
    options.set(name!.text, value.text)
  }
  if (tokens[at] === undefined) throw new Error('a semicolon at the end')
  if (tokens.length > at + 1) throw new Error('one login module only')
  return { module: module.text, options }
}

interface Token {
  readonly kind: 'word' | 'quoted' | 'sign'
  readonly text: string
}

const TOKEN = /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'|([\w$.-]+)|([=;])/gsy

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const found = TOKEN.exec(text)
    if (!found) throw new Error('values in double quotes, each closed')
    const [, double, single, word, sign] = found
    const quoted = double ?? single
    if (quoted !== undefined) tokens.push({ kind: 'quoted', text: unescape(quoted) })
    else if (word !== undefined) tokens.push({ kind: 'word', text: word })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign })
  }
  return tokens
}

const ESCAPED: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\u000b',
}

function unescape(text: string): string {
  return text.replaceAll(/\\([0-3]?[0-7]{1,2}|.)/gs, (_, escape: string) =>
    /^[0-7]/.test(escape) ? String.fromCharCode(Number.parseInt(escape, 8)) : (ESCAPED[escape] ?? escape),
  )
}
