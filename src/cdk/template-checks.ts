import { readFileSync } from 'node:fs'
import { CloudFormationValidatePlugin, Validations } from 'aws-cdk-lib'
import type {
  IPolicyValidationContext,
  IPolicyValidationPlugin,
  PolicyValidationPluginReport,
  PolicyViolatingResource,
  PolicyViolation,
  Stage,
} from 'aws-cdk-lib'
import { guardRules, templateRules } from './guard-rules.ts'
import { guardName, messageOf } from './guard/rule.ts'
import type { TemplateRule } from './guard/rule.ts'
import type { TemplateValue } from './synthesized.ts'

/** What a value may take of a message. */
const SHOWN = 120

const ruleOf: ReadonlyMap<string, TemplateRule> = new Map(templateRules.map((rule) => [guardName(rule), rule]))

/**
 * Holds every template of an app, or of a stage, to the rules of this package, in each synthesis: a finding fails it. One is
 * acknowledged with `Validations.of(scope).acknowledge({ id: 'weirhouse::batch-size', reason })`.
 */
export function checkTemplates(stage: Stage): void {
  Validations.of(stage).addPlugins(new TemplateChecks())
}

/**
 * The CDK takes one `CloudFormationValidatePlugin` an app, for an app alone, and makes warnings of what it finds. This one runs
 * another beside it, keeps what our rules found, as errors, and puts the values into the messages.
 */
export class TemplateChecks implements IPolicyValidationPlugin {
  readonly name = 'weirhouse'
  readonly ruleIds: string[] = templateRules.map(({ name }) => name)

  validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const templates = new Map(
      context.templatePaths.map((path) => [path, JSON.parse(readFileSync(path, 'utf8')) as TemplateValue]),
    )
    const found = engine().validate(context).violations
    const violations = found.flatMap((violation) => {
      const rule = ruleOf.get(violation.ruleName)
      return rule === undefined ? [] : violation.violatingResources.map((resource) => told(rule, resource, templates))
    })
    return { success: violations.length === 0, violations }
  }
}

/** One for all: making it takes half a second. */
let made: CloudFormationValidatePlugin | undefined

function engine(): CloudFormationValidatePlugin {
  return (made ??= new CloudFormationValidatePlugin({ guardRules: [...guardRules], includeDefaultRules: false }))
}

function told(
  rule: TemplateRule,
  resource: PolicyViolatingResource,
  templates: ReadonlyMap<string, TemplateValue>,
): PolicyViolation {
  const template = templates.get(resource.templatePath ?? '')
  const path = rule.shows === 'words' ? undefined : (rule.shows ?? resource.locations[0])
  const value = path && valueAt(template, ['Resources', resource.resourceLogicalId ?? '', ...path.split('.')])
  return {
    ruleName: rule.name,
    description: messageOf(rule, path && shown(value)),
    severity: 'error',
    violatingResources: [resource],
  }
}

function valueAt(value: TemplateValue | undefined, [key, ...rest]: readonly string[]): TemplateValue | undefined {
  if (key === undefined) return value
  if (typeof value !== 'object' || value === null) return undefined
  return valueAt((value as Readonly<Record<string, TemplateValue>>)[key], rest)
}

function shown(value: TemplateValue | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text
}
