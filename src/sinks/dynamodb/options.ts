/** The options of the DynamoDB sink, declared once: validation, reference page and help come from here. */
import * as v from 'valibot'
import { keyAttributes } from '../../aws/table.ts'
import type { KeyType, TableKey } from '../../aws/table.ts'
import { describe } from '../../core/options.ts'
import { TABLE_NAME } from './binding.ts'
import { DEFAULT_EXPIRY, positionKey } from './names.ts'

/** DynamoDB, "Naming rules and data types": attribute names that are keys have up to 255 bytes. */
const attributeName = v.pipe(v.string(), v.minLength(1), v.maxLength(255))
const tableName = v.pipe(v.string(), v.regex(TABLE_NAME, 'use a-z, A-Z, 0-9, _ . and -, 3 to 255'))

const keyAttribute = v.pipe(
  v.union([attributeName, v.strictObject({ name: attributeName, type: v.optional(v.picklist(['S', 'N', 'B']), 'S') })]),
  v.transform((key): { readonly name: string; readonly type: KeyType } =>
    typeof key === 'string' ? { name: key, type: 'S' } : key,
  ),
)

const KEY_TEXT = 'a name (text), or `{ name, type }` with type S (text), N (number) or B (bytes).'

const indexes = v.record(
  tableName,
  v.strictObject({
    partitionKey: describe(keyAttribute, `Partition key of the index: ${KEY_TEXT}`),
    sortKey: describe(v.optional(keyAttribute), `Sort key of the index: ${KEY_TEXT}`),
  }),
)

const positionAttributes = v.strictObject({
  src: describe(v.optional(attributeName, '_src'), 'Topic, partition and a digest of the cluster, S.'),
  epoch: describe(v.optional(attributeName, '_epoch'), 'Raised by a rewind, N.'),
  offset: describe(v.optional(attributeName, '_offset'), 'Offset of the record, N.'),
  index: describe(v.optional(attributeName, '_index'), 'Which row of the record, N.'),
  ts: describe(v.optional(attributeName, '_ts'), "The record's timestamp, N.", 'ms'),
  version: describe(
    v.optional(attributeName, '_version'),
    "Only where the pipeline orders by its rows' own version: S or N.",
  ),
  deleted: describe(
    v.optional(attributeName, '_deleted'),
    'Only where the key was deleted, BOOL: the item marks that, and readers leave it out.',
  ),
  shape: describe(
    v.optional(attributeName, '_shape'),
    'Digest of the names of its attributes, S: an item is updated in place where they are known. Not in tables that are appended to.',
  ),
})

const timeToLive = v.strictObject({
  attribute: describe(
    v.optional(attributeName, DEFAULT_EXPIRY),
    'The attribute by which DynamoDB removes items once its time has passed, N: seconds since 1970.',
  ),
  seconds: describe(
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
    "An item's time, counted from the timestamp of its record. Where not given, rows have the attribute themselves: whole seconds since 1970 or a Date; a row without it stays.",
    's',
  ),
})

/** Every option of the sink that is data. */
export const dynamodbOptions = v.pipe(
  v.strictObject({
    id: describe(
      v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]{0,39}$/, 'use a-z, 0-9 and -, a letter first, at most 40')),
      'Unique in the pipeline. Part of the identity of the watermark: renaming it makes a new sink.',
    ),
    table: describe(tableName, 'The table to write.'),
    partitionKey: describe(keyAttribute, `Partition key: ${KEY_TEXT}`),
    sortKey: describe(v.optional(keyAttribute), `Sort key: ${KEY_TEXT}`),
    indexes: describe(
      v.optional(indexes, {}),
      'Global secondary indexes by name, all attributes projected. A row without an index key is not in that index.',
    ),
    numbers: describe(
      v.optional(v.array(attributeName), []),
      'Attributes whose text is a decimal number: stored as N, digit for digit. Keys of type N are so anyway.',
    ),
    writes: describe(
      v.optional(v.picklist(['auto', 'put']), 'auto'),
      'How items are written. auto: inserts or updates, 25 in one request, as most keys are new or not. put: one conditional put an item.',
    ),
    append: describe(
      v.optional(v.boolean(), false),
      "One item a row, none overwritten: the sort key, or the partition key where there is no sort key, is not the row's but its position, such as orders/000001/5d41402a@0000000000000123#000. Type S.",
    ),
    timeToLive: describe(
      v.optional(timeToLive),
      'Lets DynamoDB remove items by itself. Tables made by Weirhouse have it switched on.',
    ),
    positionAttributes: describe(
      v.optional(positionAttributes, {}),
      'Names of the attributes that say which record an item came from; every item has them.',
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return // its own faults are named already
    const { positionAttributes: positions, ...table } = dataset.value
    const types = new Map<string, KeyType>()
    const reserved = new Set(Object.values(positions))
    if (reserved.size < Object.keys(positions).length) addIssue({ message: 'positionAttributes: a name stands twice' })
    for (const each of [table, ...Object.values(table.indexes)] satisfies TableKey[]) {
      if (each.partitionKey.name === each.sortKey?.name)
        addIssue({ message: `"${each.partitionKey.name}" is partition key and sort key` })
      for (const { name, type } of keyAttributes(each)) {
        if (reserved.has(name)) addIssue({ message: `"${name}" is a position attribute and no key` })
        if ((types.get(name) ?? type) !== type) addIssue({ message: `"${name}" is a key of two types` })
        types.set(name, type)
      }
    }
    const made = table.append ? positionKey(table) : undefined
    if (made && made.type !== 'S') addIssue({ message: `append: "${made.name}" is to hold a position, as type S` })
    const expiry = table.timeToLive?.attribute
    if (expiry !== undefined && (reserved.has(expiry) || types.has(expiry)))
      addIssue({ message: `timeToLive.attribute: "${expiry}" is a key or a position attribute` })
  }),
)

export type DynamoDbOptions = v.InferOutput<typeof dynamodbOptions>
export type DynamoDbInput = v.InferInput<typeof dynamodbOptions>
