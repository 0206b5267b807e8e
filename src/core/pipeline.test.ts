import { describe, expect, test } from 'vitest'
import { memory, memoryStore } from '../sinks/memory.ts'
import { json } from './decode/json.ts'
import { WeirError } from './errors.ts'
import { pipeline } from './pipeline.ts'

const sink = (id = 'm') => memory({ id, store: memoryStore() })
const good = { name: 'demo', source: { topic: 'demo_topic' }, decode: json(), sinks: [sink()] }

/** What is thrown for a definition that does not type-check either. */
function faultOf(definition: object): string {
  try {
    pipeline(definition as typeof good)
  } catch (error) {
    if (error instanceof WeirError && error.code === 'WEIR_DEFINITION_INVALID') return error.message
    throw error
  }
  return 'none'
}

test('defaults are filled in', () => {
  const { name, source, function: run, tombstone, maxPoisonShare, order } = pipeline(good)
  expect({ name, source, run, tombstone, maxPoisonShare, order }).toEqual({
    name: 'demo',
    source: { topic: 'demo_topic', partitions: 2, replication: 2, batch: { records: 100 } },
    run: { timeoutSeconds: 60, memoryMb: 512 },
    tombstone: 'ignore',
    maxPoisonShare: 0.5,
    order: 'log',
  })
})

test('without a transform the value is the row', () => {
  const record = { value: null } as never
  expect(pipeline(good).transform('x', record)).toBe('x')
})

const keyed = memory({ id: 'k', store: memoryStore(), keyOf: String })
const keyOf = () => ({ id: 'a' })

test('deletes need a key function, an order of positions and one sink with a key; other sinks may have none', () => {
  const made = pipeline({ ...good, tombstone: 'delete', keyOf, order: 'timestamp', sinks: [sink(), keyed] })
  expect({ tombstone: made.tombstone, keyOf: made.keyOf }).toEqual({ tombstone: 'delete', keyOf })
})

const source = (changes: object) => ({ source: { topic: 't', ...changes } })

describe('faults name the place', () => {
  test.each<[changes: object, fault: string]>([
    [{ name: 'Demo' }, 'Pipeline "Demo": name: use a-z, 0-9 and -'],
    [{ name: 'd'.repeat(41) }, 'name: use a-z'],
    [{ name: undefined }, 'Pipeline "undefined": name: Expected'],
    [{ source: {} }, 'source.topic: Expected "topic" but received undefined'],
    [source({ topic: 'no spaces' }), 'source.topic: use a-z'],
    [source({ partitions: 0 }), 'source.partitions: Expected >=1 but received 0'],
    [source({ partitions: 1.5 }), 'source.partitions: Received 1.5'],
    [source({ replication: 16 }), 'source.replication: Expected <=15'],
    [source({ batch: { records: 10_001 } }), 'source.batch.records: Expected <=10000'],
    [source({ batch: { records: '10' } }), 'source.batch.records: Expected number but received "10"'],
    [source({ batch: { windowSeconds: 301 } }), 'source.batch.windowSeconds: Expected <=300'],
    [source({ batch: { windowSeconds: -1 } }), 'source.batch.windowSeconds: Expected >=0'],
    [source({ cluster: '' }), 'source.cluster: '],
    [source({ bach: {} }), 'source.bach: there is no such option'],
    [{ function: { timeoutSeconds: 841 } }, 'function.timeoutSeconds: Expected <=840'],
    [{ function: { memoryMb: 64 } }, 'function.memoryMb: Expected >=128'],
    [{ maxPoisonShare: 0.01 }, 'maxPoisonShare: '],
    [{ maxPoisonShare: 1 }, 'maxPoisonShare: '],
    [{ maxPoisonShare: true }, 'maxPoisonShare: '],
    [{ tombstone: 'remove' }, 'tombstone: Expected ("ignore" | "keep" | "delete" | "dead-letter")'],
    [source({ retentionDays: 0 }), 'source.retentionDays: Expected >=1'],
    [{ tombstone: 'delete', sinks: [keyed] }, "tombstone 'delete' needs a function from the record to the key columns"],
    [{ tombstone: 'delete', sinks: [keyed], keyOf: 'id' }, "keyOf: tombstone 'delete' needs a function"],
    [{ tombstone: 'delete', keyOf }, 'no sink has key columns to delete by; give one a key'],
    [{ tombstone: 'delete', keyOf, sinks: [keyed], order: () => 1 }, "use 'log' or 'timestamp', or tombstone 'keep'"],
    [{ tombstone: 'keep', keyOf, sinks: [keyed] }, "keyOf: it is for tombstone 'delete'"],
    [{ sink: [] }, 'sink: there is no such option'],
    [{ decode: undefined }, 'decode: expected a decoder'],
    [{ decode: json }, 'decode: expected a decoder'],
    [{ transform: 'x' }, 'transform: expected a function'],
    [{ order: 'newest' }, "order: expected 'log'"],
    [{ sinks: [] }, 'sinks: expected one sink at least'],
    [{ sinks: sink() }, 'sinks: expected one sink at least'],
    [{ sinks: [sink('a'), sink('a')] }, 'sinks: two have the id "a"'],
    [{ sinks: [sink('a'), undefined] }, 'sinks.1: expected a sink such as s3({...})'],
    [{ sinks: [{}] }, 'sinks.0: expected a sink such as s3({...})'],
    [{ sinks: [memory] }, 'sinks.0: expected a sink such as s3({...})'],
  ])('%j: %s', (changes, fault) => {
    expect(faultOf({ ...good, ...changes })).toContain(fault)
  })

  test('every fault of the options in one go', () => {
    const fault = faultOf({ ...good, name: 'X', source: { topic: '' }, extra: 1 })
    expect(fault).toMatch(/name: .*; source\.topic: .*; extra: there is no such option/)
  })

  test.each([[undefined], [null], ['demo']])('%j is no definition', (definition) => {
    expect(faultOf(definition as never)).toContain('expected an object')
  })
})
