/** PartiQL of DynamoDB, as far as the tree sends it: what a statement does to the one item that it names. */
import type { Item } from '../../src/aws/attribute.ts'
import { holds } from './dynamo-condition.ts'
import { isRefused, keyText, written } from './dynamo-tables.ts'
import type { Keys, Part, Work } from './dynamo-tables.ts'

interface Batch {
  readonly Statements: readonly { readonly Statement: string; readonly Parameters: Values }[]
}

/** No transaction: its statements are steps of their own. */
export function batchExecute({ Statements }: Batch, keys: Keys): Work {
  const parts = Statements.map(({ Statement, Parameters }): Part => {
    const statement = statementOf(Statement, Parameters)
    const { verb, table } = statement
    const key = keyText(statement.key, keys[table]!)
    return {
      label: `${verb} ${key}`,
      writes: true,
      run: (tables) => {
        const error = (Code: string) => ({ tables, result: { output: { Error: { Code, Message: Code } } } })
        const item = statement.run(tables[table]?.[key])
        // An INSERT's values are looked at before what is there, an UPDATE's after.
        const refused = isRefused(Object.fromEntries(Parameters.entries()))
        if (refused && item !== 'ConditionalCheckFailed') return error('ValidationError')
        if (typeof item === 'string') return error(item)
        return { tables: written(tables, table, key, item), result: { output: {} } }
      },
    }
  })
  return {
    parts,
    compose: (results) => ({ output: { Responses: results.map((each) => ('output' in each ? each.output : {})) } }),
    throttled: { output: { Error: { Code: 'ThrottlingError', Message: 'slow down' } } },
  }
}

interface Statement {
  readonly verb: 'INSERT' | 'UPDATE'
  readonly table: string
  /** Holds the key attributes at least. */
  readonly key: Item
  /** The item as it is then; or the code of the error. */
  run(found: Item | undefined): Item | 'DuplicateItem' | 'ConditionalCheckFailed'
}

type Values = readonly Item[string][]

function statementOf(text: string, parameters: Values): Statement {
  return text.startsWith('INSERT') ? insertOf(text, parameters) : updateOf(text, parameters)
}

/** `'a': ?` or `'a': 'text'`; `"a"=?`, `"a" < 'text'`. */
const OPERAND = String.raw`(\?|'[^']*')`

/** Gives the value of each operand, in the order in which they stand. */
function operands(parameters: Values) {
  let next = 0
  return (operand: string): Item[string] => (operand === '?' ? parameters[next++]! : { S: operand.slice(1, -1) })
}

function insertOf(text: string, parameters: Values): Statement {
  const { table, members } = /^INSERT INTO "(?<table>[^"]+)" VALUE \{(?<members>.*)\}$/.exec(text)!.groups!
  const valueOf = operands(parameters)
  const all = [...members!.matchAll(new RegExp(`'([^']+)': ${OPERAND}`, 'g'))]
  const item: Item = Object.fromEntries(all.map(([, name, operand]) => [name!, valueOf(operand!)]))
  return { verb: 'INSERT', table: table!, key: item, run: (found) => (found ? 'DuplicateItem' : item) }
}

/** It merges into the item that is there, and makes none. */
function updateOf(text: string, parameters: Values): Statement {
  const { table, clauses, where } = /^UPDATE "(?<table>[^"]+)" (?<clauses>.*?) WHERE (?<where>.*)$/.exec(text)!.groups!
  const valueOf = operands(parameters)
  const set: Record<string, Item[string]> = {}
  const gone = new Set<string>()
  for (const [, verb, name, operand] of clauses!.matchAll(new RegExp(`(SET|REMOVE) "([^"]+)"(?:=${OPERAND})?`, 'g'))) {
    if (verb === 'REMOVE') gone.add(name!)
    else set[name!] = valueOf(operand!)
  }
  const names: Record<string, string> = {}
  const values: Record<string, Item[string]> = {}
  const condition = where!.replaceAll(new RegExp(`"([^"]+)"|${OPERAND}`, 'g'), (_, name?: string, operand?: string) => {
    if (name !== undefined) {
      names[`#${name}`] = name
      return `#${name}`
    }
    const placeholder = `:${Object.keys(values).length}`
    values[placeholder] = valueOf(operand!)
    return placeholder
  })
  const key = Object.fromEntries(
    [...condition.matchAll(/(?<=^|AND )#(\w+) = (:\d+)/g)].map(([, name, value]) => [name!, values[value!]!]),
  )
  const expression = {
    ConditionExpression: condition,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
  }
  return {
    verb: 'UPDATE',
    table: table!,
    key,
    run(found) {
      if (!found || !holds(expression, found)) return 'ConditionalCheckFailed'
      const kept = Object.entries(found).filter(([name]) => !gone.has(name))
      return { ...Object.fromEntries(kept), ...set }
    },
  }
}
