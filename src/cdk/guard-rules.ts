/** The rules that this package holds templates to, as CloudFormation Guard; `checkTemplates` runs them in every synthesis. */
import type { ValidationRuleSource } from 'aws-cdk-lib'
import { accessRules } from './guard/access-rules.ts'
import { kafkaRules } from './guard/kafka-rules.ts'
import { mappingRules } from './guard/mapping-rules.ts'
import { guardName, guardText } from './guard/rule.ts'
import type { TemplateRule } from './guard/rule.ts'
import { storeRules } from './guard/store-rules.ts'

export const templateRules: readonly TemplateRule[] = [...mappingRules, ...kafkaRules, ...storeRules, ...accessRules]

/**
 * One source a rule, for a `CloudFormationValidatePlugin` of one's own, or written to files for `cfn-guard`. There the messages
 * lack the values that {@link checkTemplates} puts into them.
 */
export const guardRules: readonly ValidationRuleSource[] = templateRules.map((rule) => ({
  name: guardName(rule),
  content: guardText(rule),
}))
