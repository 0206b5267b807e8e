import { errorTable } from '../../src/core/error-table.ts'
import { GENERATED, tableOf } from './markdown.ts'

/** docs/errors.md: the error table, in its order. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(([code, { message, retryable, cure }]) => [
    `\`${code}\``,
    message,
    retryable ? 'yes' : 'no',
    cure,
  ])
  return `# Errors

${GENERATED}

Every error that Weirhouse raises has one of these codes. \`{names}\` are filled in. *Again* says whether trying the same once
more can help: where it can, the event source mapping sends the batch again; where it cannot, a person has to act.

${tableOf(['Code', 'Message', 'Again', 'What to do'], rows)}
`
}
