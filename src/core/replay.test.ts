import { expect, test } from 'vitest'
import { REPLAY_HEADER, replayHeader, replayOf, withoutReplay } from './replay.ts'
import type { Replay } from './replay.ts'

const replay: Replay = {
  pipeline: 'p',
  sink: '*',
  cluster: 'arn:aws:kafka:x',
  topic: 't',
  partition: 3,
  epoch: 1,
  offset: 2 ** 53 - 1,
  attempt: 2,
}
const own = { name: 'h', value: Buffer.from([0xff]) }
const named = (value: string) => ({ name: REPLAY_HEADER, value: Buffer.from(value) })

test('a header names the letter, and taking it away leaves what the original had', () => {
  const headers = [own, replayHeader(replay)]
  expect(replayOf({ headers })).toEqual(replay)
  expect(withoutReplay(headers)).toEqual([own])
})

test('of two the last counts: the first is of the original', () => {
  const forged = replayHeader({ ...replay, offset: 1 })
  const headers = [forged, own, replayHeader(replay)]
  expect(replayOf({ headers })).toEqual(replay)
  expect(withoutReplay(headers)).toEqual([forged, own])
})

test.each([
  ['no header', []],
  ['others alone', [own]],
  ['no JSON', [named('{')]],
  ['null', [named('null')]],
  ['a number as text', [named(JSON.stringify({ ...replay, offset: '1' }))]],
  ['a negative offset', [named(JSON.stringify({ ...replay, offset: -1 }))]],
  ['no sink', [named(JSON.stringify({ ...replay, sink: undefined }))]],
])('%s is no replay', (_, headers) => {
  expect(replayOf({ headers })).toBeUndefined()
})
