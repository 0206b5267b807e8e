import { describe, expect, test } from 'vitest'
import type { LedgerStore } from '../sinks/ledger.ts'
import { memoryLedger } from '../testing/memory-ledger.ts'
import { createFloodGate } from './flood-gate.ts'
import type { PoisonedRange } from './flood.ts'

const deadline = { remaining: () => 1_000, signal: new AbortController().signal }
const why = { stage: 'decode', code: 'WEIR_DECODE' } as const

/** `count` records from `first` on, all poison where not told which. */
function range(
  first: number,
  count: number,
  partition = 0,
  isPoison: (offset: number) => boolean = () => true,
): PoisonedRange {
  const source = { cluster: 'c', topic: 't', partition }
  const records = Array.from({ length: count }, (_, i) => ({
    topic: 't',
    partition,
    offset: first + i,
    timestamp: 0,
    timestampType: 'CREATE_TIME' as const,
    key: null,
    value: null,
    headers: [],
  }))
  const bad = records.filter(({ offset }) => isPoison(offset))
  return { source, records, poison: new Map(bad.map(({ offset }) => [offset, why])) }
}

function world(over: (ledger: LedgerStore) => Partial<LedgerStore> = () => ({})) {
  const ledger = memoryLedger()
  const calls: string[] = []
  const counted: LedgerStore = {
    read: (key, within) => (calls.push('read'), ledger.read(key, within)),
    compareAndSet: (key, item, within) => (calls.push('set'), ledger.compareAndSet(key, item, within)),
  }
  const used = { ...counted, ...over(counted) }
  const open = () =>
    createFloodGate({
      pipeline: 'p',
      share: 0.5,
      ledger: used,
      keyOf: ({ partition }) => `p#dead letters#${partition}`,
    })
  const asked = () => calls.splice(0)
  return { ledger, open, asked }
}

const flood = { code: 'WEIR_POISON_FLOOD', retryable: false }

describe('the flood gate', () => {
  test('D7: a warm environment asks once a batch with poison, a redelivery asks nothing, a cold one reads first', async () => {
    const { open, asked } = world()
    const warm = open()
    await warm.admit([range(0, 1)], deadline)
    expect(asked()).toEqual(['read', 'set'])
    await warm.admit([range(1, 1)], deadline)
    expect(asked()).toEqual(['set'])
    await warm.admit([range(0, 2)], deadline)
    expect(asked()).toEqual([])
    await open().admit([range(2, 1)], deadline)
    expect(asked()).toEqual(['read', 'set'])
  })

  test('D7: batches of one, each to an environment of its own: the 101st halts, and names it', async () => {
    const { open } = world()
    for (let offset = 0; offset < 100; offset++) await open().admit([range(offset, 1)], deadline)
    await expect(open().admit([range(100, 1)], deadline)).rejects.toMatchObject({
      ...flood,
      message:
        'Of the last 200 records of t/000000, 101 up to offset 100 are poison, more than a share of 0.5; that one failed at stage decode with WEIR_DECODE. Pipeline "p" halts: no dead letter of this batch was written.',
    })
  })

  test('D7: it does not halt on what it remembers: another environment has seen the records past', async () => {
    const { open, asked } = world()
    const stale = open()
    await stale.admit([range(0, 100)], deadline)
    await expect(open().admit([range(100, 1)], deadline)).rejects.toMatchObject(flood)
    // A good definition took 100 elsewhere, and one bad record after it.
    await open().admit([range(100, 20, 0, (offset) => offset === 110)], deadline)
    asked()
    await stale.admit([range(111, 1)], deadline)
    expect(asked()).toEqual(['read', 'set'])
  })

  test('D7: where one source floods, the poison of the others in the batch is not let in', async () => {
    const { open, ledger } = world()
    await expect(open().admit([range(0, 60, 0), range(0, 101, 1)], deadline)).rejects.toMatchObject(flood)
    expect([...ledger.items.keys()]).toEqual(['p#dead letters#1'])
  })

  test('D7: a halt writes its mark once, and then only reads', async () => {
    const { open, asked, ledger } = world()
    const gate = open()
    await expect(gate.admit([range(0, 150)], deadline)).rejects.toMatchObject(flood)
    expect(asked()).toEqual(['read', 'set'])
    expect(ledger.items.get('p#dead letters#0')!.note).toBe('{"halted":100,"runs":[]}')
    await expect(gate.admit([range(0, 150)], deadline)).rejects.toMatchObject(flood)
    expect(asked()).toEqual(['read'])
  })

  test('D4 D7: of two that count at once both are counted: who loses judges anew by what the winner wrote', async () => {
    let other: (() => Promise<void>) | undefined
    const { open, ledger } = world((ledger) => ({
      compareAndSet: async (key, item, within) => {
        const first = other
        other = undefined
        await first?.()
        return ledger.compareAndSet(key, item, within)
      },
    }))
    other = () => open().admit([range(0, 60)], deadline)
    await expect(open().admit([range(60, 60)], deadline)).rejects.toMatchObject(flood)
    other = () => open().admit([range(0, 60)], deadline)
    await open().admit([range(60, 40)], deadline)
    expect(ledger.items.get('p#dead letters#0')!.note).toContain('[[0,0,100]]')
  })

  test('D7 N3: one that always loses gives up after three tries, and can be tried again', async () => {
    let version = 0
    const lost: LedgerStore['compareAndSet'] = (_, item) =>
      Promise.resolve({
        ok: false,
        current: { ...item, version: ++version, note: `{"halted":null,"runs":[[${version},${version},1]]}` },
      })
    const { open } = world(() => ({ compareAndSet: lost }))
    await expect(open().admit([range(500, 1)], deadline)).rejects.toMatchObject({
      code: 'WEIR_CONTENDED',
      retryable: true,
    })
    expect(version).toBe(3)
  })

  test('D7 N1: where the positions are not durable, it throws', async () => {
    const { open } = world(() => ({ compareAndSet: () => Promise.reject(new Error('down')) }))
    await expect(open().admit([range(0, 1)], deadline)).rejects.toThrow('down')
  })
})
