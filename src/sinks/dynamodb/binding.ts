/** Which table it is: this sink's part of the bindings. */
import { object, text } from '../../core/shape.ts'

/** DynamoDB, CreateTable: names of tables and indexes. */
export const TABLE_NAME = /^[a-zA-Z0-9_.-]{3,255}$/

/** `{ table }`, written by `weirhouse up` and by the constructs. */
export const dynamodbBinding = object({ table: text(TABLE_NAME, 'the name of a table') })
