/** An audit for a person on call: the answer first, then a line a sink, then what is wrong and where. */
import { causeTexts, gapCauses } from '../operations/audit/index.ts'
import type { AuditReport, Example, SinkAudit } from '../operations/audit/index.ts'
import { table } from './table.ts'

export function auditText(reports: readonly AuditReport[]): string {
  return [
    ...reports.map(verdict),
    '',
    auditTable(reports),
    ...withHead('', reports.flatMap(notes)),
    ...withHead('Faults:', reports.flatMap(faults)),
  ].join('\n')
}

function withHead(head: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [...(head === '' ? [''] : ['', head]), ...lines]
}

/** `demo: sound: 1000 records, 3 of them dead letters` */
function verdict({ pipeline, produced, deadLetters, ok, complete, sinks }: AuditReport): string {
  const faulty = Object.entries(sinks).filter(([, sink]) => !isSound(sink))
  const where = [...faulty.map(([id]) => id), ...(faulty.length === 0 ? ['dead letters or log'] : [])].join(', ')
  const answer = ok ? (complete ? 'sound' : 'sound as far as it is delivered') : `FAULTS in ${where}`
  const letters = deadLetters === 0 ? '' : `, ${count(deadLetters, 'dead letter')}`
  return `${pipeline}: ${answer}: ${count(produced, 'record')}${letters}`
}

function isSound({ missing, duplicated, different, outOfOrder, foreign }: SinkAudit): boolean {
  return missing + duplicated + different + outOfOrder + foreign === 0
}

function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`
}

/** One line a sink. */
function auditTable(reports: readonly AuditReport[]): string {
  const rows = reports.flatMap(({ pipeline, sinks }) =>
    Object.entries(sinks).map(([id, sink]) => [
      pipeline,
      `${id} (${sink.kind})`,
      sink.expected,
      sink.stored,
      sink.missing,
      sink.duplicated,
      sink.different,
      sink.outOfOrder,
      sink.foreign,
      sink.notYet,
    ]),
  )
  const words = ['expected', 'stored', 'missing', 'duplicated', 'different', 'out of order', 'foreign', 'not yet']
  return table(['pipeline', 'sink', ...words], rows)
}

/** What is no fault, and yet to be known. */
function notes({ pipeline, topic, sinks, gaps, letters }: AuditReport): string[] {
  const causes = gapCauses.filter((cause) => gaps[cause] > 0).map((cause) => `${gaps[cause]} by ${causeTexts[cause]}`)
  return [
    ...(causes.length === 0 ? [] : [`${pipeline}: offsets without a record: ${causes.join(', ')}`]),
    ...(letters.beyondRetention === 0
      ? []
      : [`${pipeline}: ${count(letters.beyondRetention, 'dead letter')} of records beyond retention`]),
    ...Object.entries(sinks).flatMap(([id, sink]) => sinkNotes(`${pipeline} ${id}`, topic, sink)),
  ]
}

function sinkNotes(name: string, topic: string, { beyondRetention, expired, outside, gaps }: SinkAudit): string[] {
  return [
    ...(beyondRetention === 0 ? [] : [`${name}: ${count(beyondRetention, 'row')} beyond retention, not compared`]),
    ...(expired === 0 ? [] : [`${name}: ${count(expired, 'item')} removed, as their time to live has passed`]),
    ...(outside === 0 ? [] : [`${name}: ${count(outside, 'row')} outside of what was audited, not compared`]),
    ...(gaps.recorded === 0 && gaps.listed.length === 0 ? [] : [`${name}: ${count(gaps.recorded, 'gap')} recorded`]),
    ...gaps.listed.map(({ partition, first, last, why }) => `${name}: ${topic}/${partition}@${first}-${last}: ${why}`),
  ]
}

function faults({ pipeline, topic, sinks, gaps, letters }: AuditReport): string[] {
  const lines = (name: string, examples: readonly Example[]) =>
    examples.map(({ position, fault }) => `${pipeline} ${name} ${position}: ${fault}`)
  const unexplained = gaps.listed.filter(({ why }) => why === 'unexplained')
  return [
    ...unexplained.map(
      ({ partition, first, last }) =>
        `${pipeline} log ${topic}/${partition}@${first}-${last}: no record, and nothing that explains it`,
    ),
    ...lines('dead letters', letters.examples),
    ...Object.entries(sinks).flatMap(([id, { examples }]) => lines(id, examples)),
  ]
}
