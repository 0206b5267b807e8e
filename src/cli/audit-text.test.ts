import { expect, test } from 'vitest'
import type { AuditReport, SinkAudit } from '../operations/audit/index.ts'
import { auditText } from './audit-text.ts'

const sink: SinkAudit = {
  kind: 'postgres',
  expected: 3,
  stored: 3,
  missing: 0,
  duplicated: 0,
  different: 0,
  outOfOrder: 0,
  foreign: 0,
  deadLettered: 1,
  notYet: 0,
  beyondRetention: 0,
  expired: 0,
  outside: 0,
  gaps: { recorded: 0, skipped: 0, listed: [] },
  examples: [],
}

const report: AuditReport = {
  pipeline: 'demo',
  topic: 'clicks',
  produced: 4,
  partitions: [{ partition: 0, start: 0, end: 5 }],
  deadLetters: 1,
  letters: { unfounded: 0, different: 0, foreign: 0, beyondRetention: 0, examples: [] },
  gaps: { marker: 0, aborted: 0, compaction: 0, expired: 0, unknown: 0, unexplained: 0, listed: [] },
  sinks: { sql: sink },
  ok: true,
  complete: true,
}

const linesOf = (more: Partial<AuditReport>) => auditText([{ ...report, ...more }]).split('\n')

test('the answer comes first, then a line a sink, then nothing', () => {
  expect(linesOf({})).toEqual([
    'demo: sound: 4 records, 1 dead letter',
    '',
    'pipeline  sink            expected  stored  missing  duplicated  different  out of order  foreign  not yet',
    'demo      sql (postgres)         3       3        0           0          0             0        0        0',
  ])
})

test('D14: faults are told by their sink, position and reason; what is no fault apart from them', () => {
  const examples = [{ position: 'clicks/0@3', fault: 'missing: is not stored, key ("a")' }]
  const gap = { partition: 0, first: 1, last: 2, records: 1, why: 'skipped by the mapping' }
  const faulty = { ...sink, missing: 1, beyondRetention: 2, gaps: { recorded: 1, skipped: 1, listed: [gap] }, examples }
  const [answer, , , , ...rest] = linesOf({ ok: false, sinks: { sql: faulty }, gaps: { ...report.gaps, marker: 2 } })
  expect(answer).toBe('demo: FAULTS in sql: 4 records, 1 dead letter')
  expect(rest).toEqual([
    '',
    'demo: offsets without a record: 2 by transaction markers',
    'demo sql: 2 rows beyond retention, not compared',
    'demo sql: 1 gap recorded',
    'demo sql: clicks/0@1-2: skipped by the mapping',
    '',
    'Faults:',
    'demo sql clicks/0@3: missing: is not stored, key ("a")',
  ])
})

test('D14: faults of dead letters and of the log are told where every sink is sound', () => {
  const letters = {
    ...report.letters,
    unfounded: 1,
    examples: [{ position: 'clicks/0@1', fault: 'unfounded: the dead letter (decode) is of a record' }],
  }
  const gaps = {
    ...report.gaps,
    unexplained: 2,
    listed: [{ partition: 0, first: 3, last: 4, why: 'unexplained' as const }],
  }
  const lines = linesOf({ ok: false, letters, gaps })
  expect(lines[0]).toBe('demo: FAULTS in dead letters or log: 4 records, 1 dead letter')
  expect(lines.slice(-2)).toEqual([
    'demo log clicks/0@3-4: no record, and nothing that explains it',
    'demo dead letters clicks/0@1: unfounded: the dead letter (decode) is of a record',
  ])
})

test('what is still on its way is no fault, and is said', () => {
  const [answer] = linesOf({ complete: false, sinks: { sql: { ...sink, notYet: 2 } } })
  expect(answer).toBe('demo: sound as far as it is delivered: 4 records, 1 dead letter')
})
