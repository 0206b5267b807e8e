import { expect, test } from 'vitest'
import { createComplaints } from './complaints.ts'

function world() {
  const lines: string[] = []
  let now = 0
  const complaints = createComplaints({
    clock: { now: () => now },
    log: (level, message, fields) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
  })
  return { lines, complaints, later: (ms: number) => (now += ms) }
}

test('a fault that lasts an hour, tried five times a second, is a line each ten seconds, and one when it is over', () => {
  const { lines, complaints, later } = world()
  for (let i = 0; i < 3600 * 5; i++) {
    complaints.tell('gone', 'broker 1', 'refused')
    later(200)
  }
  complaints.over('gone', 'broker 1')
  expect(lines.length).toBe(361)
  expect(lines.slice(0, 2)).toEqual([
    'WARN gone {"of":"broker 1","reason":"refused","times":1}',
    'WARN gone {"of":"broker 1","reason":"refused","times":51}',
  ])
  expect(lines.at(-1)).toBe('INFO Reading goes on {"of":"broker 1","after":"gone","times":18000}')
})

test('each subject has its own, and what never failed is not over', () => {
  const { lines, complaints } = world()
  complaints.tell('gone', 'broker 1', 'refused')
  complaints.tell('gone', 'broker 2', 'refused')
  complaints.over('gone', 'broker 3')
  complaints.over('gone', 'broker 1')
  complaints.over('gone', 'broker 1')
  complaints.tell('gone', 'broker 1', 'refused')
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['WARN', 'WARN', 'INFO', 'WARN'])
})
