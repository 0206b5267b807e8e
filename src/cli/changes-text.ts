/** Changes as people read them: what cannot be undone by name, the rest by count. */
import { isGrave } from '../operations/aws/changes.ts'
import type { Change, ChangeKind } from '../operations/aws/changes.ts'
import { table } from './table.ts'

const WHAT: Readonly<Record<ChangeKind, string>> = {
  destroy: 'is destroyed',
  replace: 'is replaced: the old one is destroyed',
  'maybe replace': 'may be replaced: the old one is then destroyed',
  leave: 'leaves the stack and stays in the account',
  update: 'is changed in place',
  create: 'is made',
}

export function changesText(changes: readonly Change[]): string {
  const named = changes.filter((change) => isGrave(change) || change.kind === 'leave')
  const rows = named.map(({ stackName, id, type, kind, holdsData }) => [
    stackName,
    id,
    type.replace('AWS::', ''),
    `${WHAT[kind]}${holdsData && kind !== 'leave' ? ', with the records in it' : ''}`,
  ])
  const lines = named.length === 0 ? [] : [table(['stack', 'resource', 'type', 'what happens'], rows)]
  const count = (kind: ChangeKind) => changes.filter((change) => change.kind === kind).length
  lines.push(`${count('create')} made, ${count('update')} changed in place, ${named.length} named above`)
  return lines.join('\n')
}
