/** What the contract suite needs: fresh targets, cold writers on them, and a reader that is not the writer. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Watermark } from 'weirhouse/sinks'
import { CLUSTER, memoryLedger, TOPIC } from 'weirhouse/testing'
import type { ContractRow, SinkHarness } from 'weirhouse/testing'
import { sqlite } from './sqlite.ts'

export function sqliteHarness(keyed: boolean): SinkHarness {
  return {
    keyed,
    unencodable: (id) => ({ id, n: Number.NaN, note: null }),
    create: () => {
      const folder = mkdtempSync(join(tmpdir(), 'sqlite-sink-'))
      const file = join(folder, 'contract.sqlite')
      const columns = { id: 'TEXT NOT NULL', n: 'INTEGER', note: 'TEXT' }
      const sink = sqlite({ id: 'file', file, table: 'rows', columns, ...(keyed ? { key: ['id'] } : {}) })
      const read = (sql: string, ...values: string[]) => {
        const database = new DatabaseSync(file)
        const rows = database.prepare(sql).all(...values)
        database.close()
        return rows
      }
      return Promise.resolve({
        open: () =>
          sink.open({
            pipeline: 'contract',
            order: 'log',
            binding: { file },
            ledger: memoryLedger(),
            log: () => undefined,
          }),
        rows: () =>
          Promise.resolve(read('SELECT id, n, note FROM rows').map((row) => ({ ...row }) as unknown as ContractRow)),
        gaps: (partition: number) => {
          const source = `${CLUSTER}#${TOPIC}#${partition}`
          const [found] = read('SELECT watermark FROM weirhouse_watermark WHERE source = ?', source)
          return Promise.resolve(found ? (JSON.parse(String(found.watermark)) as Watermark).gaps : [])
        },
        dispose: () => Promise.resolve(rmSync(folder, { recursive: true, force: true })),
      })
    },
  }
}
