import { expect, test } from 'vitest'
import type { SourceRecord } from '../../core/record.ts'
import { replayHeader } from '../../core/replay.ts'
import type { Replay } from '../../core/replay.ts'
import { recordDigest } from './letters.ts'
import type { LetterEntry } from './letters.ts'
import { createReplays } from './replays.ts'

const original: SourceRecord = {
  topic: 't',
  partition: 1,
  offset: 5,
  timestamp: 50,
  timestampType: 'CREATE_TIME',
  key: Buffer.from('k'),
  value: Buffer.from('v'),
  headers: [{ name: 'own', value: Buffer.from([1]) }],
}
const letter: LetterEntry = {
  partition: 1,
  offset: 5,
  sink: 'kv',
  stage: 'store',
  state: 'replayed',
  timestamp: 50,
  epoch: 2,
  attempts: 1,
  takenAt: 9,
  digest: recordDigest(original),
}
const replay: Replay = {
  pipeline: 'p',
  sink: 'kv',
  cluster: 'c',
  topic: 't',
  partition: 1,
  epoch: 2,
  offset: 5,
  attempt: 1,
}
const copy = (offset: number, changes: Partial<Replay> = {}, more: Partial<SourceRecord> = {}): SourceRecord => ({
  ...original,
  offset,
  timestamp: 99,
  ...more,
  headers: [...original.headers, replayHeader({ ...replay, ...changes })],
})

function reading(record: SourceRecord, ...letters: LetterEntry[]) {
  const replays = createReplays('p', 'c')
  for (const each of letters) replays.note(each)
  return replays.read(record)
}

test('D14: the copy that was taken counts for its sink as what the original was', () => {
  expect(reading(copy(9), letter)).toEqual({ sink: 'kv', original })
})

test.each<[string, SourceRecord, LetterEntry[]]>([
  ['a second copy', copy(10), [letter]],
  ['one of a letter that failed again', copy(9), [{ ...letter, state: 'new', takenAt: null }]],
  ['one of another pipeline', copy(9, { pipeline: 'q' }), []],
  ['one of a mirrored topic', copy(9, { cluster: 'd' }), [letter]],
])('D14: nothing is asked for by %s', (_, record, letters) => {
  expect(reading(record, ...letters)).toBe('skip')
})

test.each<[string, SourceRecord, LetterEntry[]]>([
  ['no such header', original, [letter]],
  ['no such letter', copy(9), []],
  ['a letter that was never replayed', copy(9), [{ ...letter, attempts: 0, takenAt: null }]],
  ['other bytes', copy(9, {}, { value: Buffer.from('w') }), [letter]],
])('D14: with %s the record is one as any other', (_, record, letters) => {
  expect(reading(record, ...letters)).toBe('ordinary')
})
