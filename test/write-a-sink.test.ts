/** What the contract suite cannot know of the sink in examples/write-a-sink: what SQLite refuses, and how it fails. */
import { mkdtempSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import lite from '../examples/write-a-sink/pipeline.ts'
import { planOf } from '../src/operations/plan.ts'
import { invocation, range, span } from '../src/testing/index.ts'

describe('beyond the contract', () => {
  async function on<T>(work: (file: string) => Promise<T>): Promise<T> {
    const folder = mkdtempSync(join(tmpdir(), 'sqlite-sink-'))
    try {
      return await work(join(folder, 'own.sqlite'))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  const sink = lite.sinks[0]!
  const open = (file: string) =>
    sink.open({
      pipeline: lite.name,
      order: 'log',
      binding: { file },
      ledger: undefined as never,
      log: () => undefined,
    })
  const batch = () => {
    const { source, records } = range(span(0, 2))
    const rows = (offset: number) => [{ id: `r${offset}`, room: offset === 1 ? null : 'hall', celsius: 20 }]
    return [{ source, records: records.map((each) => ({ ...each, rows: rows(each.record.offset) })) }]
  }
  const roomsIn = (file: string) => new DatabaseSync(file).prepare('SELECT id FROM readings ORDER BY id').all()

  test('D6 N1: what SQLite refuses is a dead letter before the watermark passes it; neighbours land', () =>
    on(async (file) => {
      const writer = await open(file)
      const called = invocation()
      const report = await writer.prepare(batch()).write(called)
      await writer.close()
      expect(report.ranges).toMatchObject([{ rows: 2, refused: 1 }])
      expect(called.letters).toMatchObject([
        { sink: 'file', stage: 'store', code: 'WEIR_REFUSED', record: { offset: 1 } },
      ])
      expect(called.letters[0]!.text).toBe('NOT NULL constraint failed: readings.room')
      expect(roomsIn(file)).toEqual([{ id: 'r0' }, { id: 'r2' }])
    }))

  test('N1: where the dead letter does not become durable, nothing is written', () =>
    on(async (file) => {
      const writer = await open(file)
      const putDeadLetters = () => Promise.reject(new Error('no letters today'))
      await expect(writer.prepare(batch()).write({ ...invocation(), putDeadLetters })).rejects.toThrow(
        'no letters today',
      )
      expect(roomsIn(file)).toEqual([])
      await writer.close()
    }))

  test('D8: a lock held by another is retryable, another shape of the table is not', () =>
    on(async (file) => {
      const writer = await open(file)
      const other = new DatabaseSync(file)
      other.exec('BEGIN IMMEDIATE')
      await expect(writer.prepare(batch()).write(invocation(400))).rejects.toMatchObject({
        code: 'WEIR_STORE_UNAVAILABLE',
        retryable: true,
      })
      other.exec('ROLLBACK; DROP TABLE readings')
      await expect(writer.prepare(batch()).write(invocation())).rejects.toMatchObject({
        code: 'WEIR_STORE_MISCONFIGURED',
      })
      await writer.close()
    }))

  test('plan says what the sink says of itself', () => {
    const { sinks } = planOf(lite, { polling: { mode: 'onDemand' } })
    expect(sinks).toMatchObject([{ id: 'file', store: { kind: 'custom', about: 'table readings in readings.sqlite' } }])
  })
})
