import { templateRules } from '../../src/cdk/guard-rules.ts'
import { GENERATED, tableOf } from './markdown.ts'

/** docs/template-rules.md: what every synthesis holds templates to. */
export function rulesPage(): string {
  const rows = templateRules.map(({ name, what, got, why, instead }) => [
    `\`weirhouse::${name}\``,
    `${what}, ${got}: ${why}`,
    instead,
  ])
  return `# Rules for templates

${GENERATED}

\`synth\`, \`plan --env\` and \`deploy\` hold every template to these, besides the CDK's own; what they find is an error. Constructs keep
them by themselves: they are for what is changed through an L1 resource, or stands in a stack of your own
(\`checkTemplates(app)\`, or \`guardRules\` as files for \`cfn-guard\`). One is acknowledged by its name:
\`Validations.of(scope).acknowledge({ id, reason })\`.

${tableOf(['Rule', 'Refuses', 'Instead'], rows)}
`
}
