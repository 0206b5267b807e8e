import { expect, test } from 'vitest'
import { endedError } from './ended.ts'

const line = (server: string, keep = false) =>
  endedError({ server, reason: 'it was ended by SIGKILL', log: 'some/server.log' }, keep).toLine()

test('a server that ended: which, how, what it means for the data, what to do', () => {
  expect(line('PostgreSQL')).toBe(
    'WEIR_SERVER_ENDED: PostgreSQL is gone while the stack is up: it was ended by SIGKILL. Nothing is lost: records wait in the topic, and come again until every store has them; the other stores take theirs. See some/server.log. To have it back: `weirhouse down`, then the same start again: it keeps nothing between starts without --data-dir, and goes on where it stood with it.',
  )
})

test('what it means differs by server, and by whether DynamoDB Local kept its data', () => {
  expect(line('Kafka node 0')).toContain('no partition can change its leader')
  expect(line('Kafka node 2')).toContain('the other broker takes over')
  expect(line('DynamoDB Local')).toContain('gone with it')
  expect(line('DynamoDB Local', true)).toContain('Nothing is lost')
  expect(line('DynamoDB Local', true)).toContain('S3 waits too')
})
