/** DynamoDB's condition expressions, as far as the tree uses them, evaluated on an item. */
import type { Attribute, Item } from '../../src/aws/attribute.ts'

export interface Expression {
  readonly ConditionExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: Item
}

type Test = (item: Item, names: Readonly<Record<string, string>>, values: Item) => boolean

const compiled = new Map<string, Test>()

/** Whether the condition holds for what stands there; `undefined` is an item without attributes. */
export function holds(expression: Expression, item: Item | undefined): boolean {
  return satisfies(expression.ConditionExpression, expression, item)
}

/** The same of any expression of that grammar: of keys, of a filter. */
export function satisfies(
  text: string | undefined,
  { ExpressionAttributeNames = {}, ExpressionAttributeValues = {} }: Expression,
  item: Item | undefined,
): boolean {
  if (text === undefined) return true
  let test = compiled.get(text)
  if (!test) compiled.set(text, (test = compile(text)))
  return test(item ?? {}, ExpressionAttributeNames, ExpressionAttributeValues)
}

function compile(text: string): Test {
  const tokens = text.match(/<>|<=|>=|[()=<>,]|[#:\w.]+/g) ?? []
  let at = 0
  const expect = (token: string) => {
    if (tokens[at++] !== token) throw new Error(`"${text}": expected ${token} before token ${at}`)
  }
  const either = (): Test => {
    const tests = [all()]
    while (tokens[at] === 'OR') {
      at++
      tests.push(all())
    }
    return anyOf(tests)
  }
  const all = (): Test => {
    const tests = [one()]
    while (tokens[at] === 'AND') {
      at++
      tests.push(one())
    }
    return tests.length === 1 ? tests[0]! : (...given) => tests.every((test) => test(...given))
  }
  const one = (): Test => {
    const token = tokens[at++]!
    if (token === '(') {
      const inner = either()
      expect(')')
      return inner
    }
    if (tokens[at] === '(') return called(token, list())
    const operator = tokens[at++]!
    if (operator === 'IN') return anyOf(list().map((other) => comparison(token, '=', other)))
    if (operator !== 'BETWEEN') return comparison(token, operator, tokens[at++]!)
    const from = comparison(token, '>=', tokens[at++]!)
    expect('AND')
    const to = comparison(token, '<=', tokens[at++]!)
    return (...given) => from(...given) && to(...given)
  }
  const list = (): string[] => {
    expect('(')
    const names: string[] = []
    while (tokens[at] !== ')') if (tokens[at++] !== ',') names.push(tokens[at - 1]!)
    at++
    return names
  }
  const test = either()
  if (at !== tokens.length) throw new Error(`"${text}": more than one expression`)
  return test
}

function anyOf(tests: readonly Test[]): Test {
  return tests.length === 1 ? tests[0]! : (...given) => tests.some((test) => test(...given))
}

function called(name: string, [path, other]: readonly string[]): Test {
  switch (name) {
    case 'attribute_not_exists':
      return (item, names) => item[names[path!] ?? path!] === undefined
    case 'attribute_exists':
      return (item, names) => item[names[path!] ?? path!] !== undefined
    case 'attribute_type':
      return (item, names, values) => {
        const attribute = item[names[path!] ?? path!]
        const type = values[other!]
        return attribute !== undefined && type !== undefined && 'S' in type && type.S in attribute
      }
    default:
      throw new Error(`the model knows no function ${name}`)
  }
}

function comparison(left: string, operator: string, right: string): Test {
  return (item, names, values) => {
    const of = (token: string) => (token.startsWith(':') ? values[token] : item[names[token] ?? token])
    const [a, b] = [of(left), of(right)]
    if (operator === '<>') return a === undefined || b === undefined || compare(a, b) !== 0
    const order = a === undefined || b === undefined ? undefined : compare(a, b)
    if (order === undefined) return false
    if (operator === '=') return order === 0
    if (operator === '<') return order < 0
    if (operator === '>') return order > 0
    if (operator === '<=') return order <= 0
    if (operator === '>=') return order >= 0
    throw new Error(`the model knows no operator ${operator}`)
  }
}

/** Undefined where the types differ, or have no order. */
function compare(a: Attribute, b: Attribute): number | undefined {
  if ('N' in a && 'N' in b) return Math.sign(Number(a.N) - Number(b.N))
  if ('S' in a && 'S' in b) return a.S === b.S ? 0 : a.S < b.S ? -1 : 1
  return undefined
}
