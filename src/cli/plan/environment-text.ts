/** The plan of an environment, for a person. Warnings come last, and then one line: what a month costs. */
import type { Bill } from '../../cdk/bill.ts'
import type { StackInventory } from '../../cdk/inventory.ts'
import type { RolePermissions } from '../../cdk/permissions.ts'
import type { RecordPrice } from '../../cdk/record-price.ts'
import { table } from '../table.ts'
import type { EnvironmentPlan } from './environment.ts'
import { counted, dollars, heading, pairs, point, section, spaced, wrapped } from './layout.ts'

/** With the columns before it this makes up 100. */
const LEVERS_COLUMN = 40

export function environmentText(plan: EnvironmentPlan): string {
  const { name, preset, region, account, poller, stacks, roles, bill, records, warnings } = plan
  const where = [`preset ${preset}`, `region ${region ?? 'of whoever deploys'}`, ...(account ? [account] : [])]
  const mode = poller.mode === 'onDemand' ? 'on demand' : 'provisioned'
  return spaced(
    heading(`Environment ${name}`),
    wrapped(where.join(', '), 2),
    section('Stacks, in the order of deployment', pairs(stacks.map(stackRow))),
    dataText(stacks),
    section('What roles may do', ...(roles.length === 0 ? ['nothing: there is none'] : roles.map(roleText))),
    section(`Pollers of the mapping: ${mode}`, ...poller.means.map((each) => point(each))),
    billText(bill, region),
    ...records.map(recordText),
    section(
      'Warnings',
      warnings.length === 0
        ? 'none'
        : warnings.map(({ id, path, text }) => `${id}, at ${path}\n${wrapped(text, 2)}`).join('\n'),
    ),
    totalText(bill),
  )
}

/** By service, and by name what there is one of. */
function stackRow({ name, stackName, count, resources }: StackInventory): [string, string] {
  const services = new Map<string, string[]>()
  for (const { type, count: of, names } of resources) {
    const [service, kind] = type.replace(/^AWS::/, '').split('::')
    const shown = `${of} ${kind}${of === 1 && names.length === 1 ? ` (${names[0]!})` : ''}`
    services.set(service!, [...(services.get(service!) ?? []), shown])
  }
  const kinds = [...services].map(([service, each]) => `${service}: ${each.join(', ')}`)
  return [name, `${stackName}, ${counted(count, 'resource')}. ${kinds.join('. ')}.`]
}

const FATES = {
  kept: 'kept',
  snapshot: 'deleted after a last backup',
  destroyed: 'destroyed with the stack',
} as const

function dataText(stacks: readonly StackInventory[]): string {
  const rows = stacks.flatMap(({ name, data }) =>
    data.map((each) => [each.type.replace(/^AWS::/, '').replace('::', ' '), each.name, name, FATES[each.fate]]),
  )
  if (rows.length === 0) return ''
  return section('What holds data', table(['what', 'name', 'stack', 'when the stack is deleted'], rows))
}

function roleText({ role, usedBy, assumedBy, managed, permissions }: RolePermissions): string {
  const who = usedBy.length > 0 ? `${usedBy.join(', ')} (role ${role})` : `role ${role}, for ${assumedBy.join(', ')}`
  const lines = [...permissions.map(({ text }) => text), ...managed.map((each) => `what AWS puts into ${each}`)]
  return [who, ...lines.map((each) => point(each, 2))].join('\n')
}

function billText(bill: Bill, region: string | null): string {
  const amounts = bill.lines.map(({ monthlyUsd }) => (monthlyUsd === null ? 'unknown' : dollars(monthlyUsd)))
  const width = Math.max(...amounts.map((each) => each.length))
  const rows = bill.lines.map(({ what, quantity, unit, levers }, i) => [
    what,
    counted(quantity, unit),
    amounts[i]!.padStart(width),
    levers.join(', ') || null,
  ])
  const { hours, logGb, databaseDailyChange } = bill.assumptions
  const elsewhere =
    region !== null && region !== bill.region
      ? ` Prices of ${region} are others; those of ${bill.region} stand here.`
      : ''
  return section(
    `Bill of a month: list prices of ${bill.region}, ${bill.collected}`,
    table(['what', 'quantity', 'a month', 'moved by'], rows, { 'moved by': LEVERS_COLUMN }),
    wrapped(
      `Prices are ${bill.provenance}. Assumed: ${hours} hours, ${logGb} GB of logs, and ${databaseDailyChange * 100} % of the database's disk written anew each day.${elsewhere}`,
      0,
    ),
  )
}

function recordText({ pipeline, recordsAnInvocation, lines, usd, assumptions }: RecordPrice): string {
  const amounts = lines.map((each) => dollars(each.usd, 4))
  const width = Math.max(...amounts.map((each) => each.length))
  const rows = lines.map(({ what, quantity, unit, levers }, i) => [
    what,
    counted(quantity, unit),
    amounts[i]!.padStart(width),
    levers.join(', ') || null,
  ])
  const { recordBytes, rowsPerRecord, batchFill } = assumptions
  return section(
    `A million records of ${pipeline}: ${dollars(usd)}`,
    table(['what', 'quantity', 'price', 'moved by'], rows, { 'moved by': LEVERS_COLUMN }),
    wrapped(
      `Assumed: records of ${recordBytes} bytes, ${counted(rowsPerRecord, 'row')} each, no key twice, batches ${batchFill * 100} % full (${recordsAnInvocation} records an invocation) with every partition in each. Storage comes on top.`,
      0,
    ),
  )
}

function totalText({ totalUsd, unpriced }: Bill): string {
  const least = unpriced.length > 0 ? ` at least, without ${unpriced.join('; ')}` : ''
  return `Total: ${dollars(totalUsd)} a month${least}`
}
