/** What the stack says of a server that ended though nobody asked it to. */
import { WeirError } from '../core/errors.ts'
import type { ServerEnded } from './service.ts'

const CONTROLLER = 'Kafka node 0'
const again =
  '`weirhouse down`, then the same start again: it keeps nothing between starts without --data-dir, and goes on where it stood with it'

/** `keep`: its data outlive it. */
export function endedError({ server, reason, log }: ServerEnded, keep: boolean): WeirError {
  return new WeirError('WEIR_SERVER_ENDED', { server, reason, effect: effectOf(server, keep), log, again })
}

function effectOf(server: string, keep: boolean): string {
  if (server === CONTROLLER) return 'Nothing is lost: the brokers go on, but no partition can change its leader'
  if (server.startsWith('Kafka'))
    return 'Nothing is lost: the other broker takes over within seconds, and has every record'
  const waits = 'records wait in the topic, and come again until every store has them'
  if (server.startsWith('DynamoDB') && !keep)
    return `What it held in memory is gone with it: items, dead letters, and the ledger that S3 needs; the topic has every record, and ${waits}`
  if (server.startsWith('DynamoDB')) return `Nothing is lost: ${waits}; S3 waits too, since its ledger is there`
  return `Nothing is lost: ${waits}; the other stores take theirs`
}
