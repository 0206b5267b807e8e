/** Ledger and dead letters in DynamoDB and S3, over the connections that the sinks of the environment share (D11). */
import { sharedClients } from '../aws/index.ts'
import { openLetterBox } from '../sinks/dead-letters/letter-box.ts'
import { openDynamoLedger } from '../sinks/ledger-dynamodb.ts'
import type { Openers } from './environment.ts'

export const openers: Openers = {
  openLedger: ({ table }) => openDynamoLedger({ table, client: sharedClients().dynamodb }),
  openDeadLetters: ({ table, bucket }) => openLetterBox({ table, bucket, clients: sharedClients() }),
}
