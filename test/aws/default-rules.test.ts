/** The CDK's own validation of templates: an environment has it make errors of what it finds, not warnings. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { VALIDATION_REPORT_FILE } from 'aws-cdk-lib/cx-api'
import { afterEach, expect, test, vi } from 'vitest'
import { checkTemplates } from '../../src/cdk/template-checks.ts'
import { environment } from './environment.ts'

afterEach(() => vi.unstubAllEnvs())

/** The preset as a deployment synthesizes it: our rules beside the CDK's own. */
function validated(preset: 'spec' | 'minimal') {
  const made = environment({ preset })
  vi.stubEnv('CDK_VALIDATION', 'true')
  checkTemplates(made.app)
  return made
}

test.each(['spec', 'minimal'] as const)('the CDK has nothing to say of preset %s, not even a warning', (preset) => {
  const { app } = validated(preset)
  app.synth()
  expect(JSON.parse(readFileSync(join(app.outdir, VALIDATION_REPORT_FILE), 'utf8'))).toMatchObject({
    pluginReports: [],
  })
})

test('and would: a planted mistake fails the synthesis', () => {
  const { app, stage } = validated('minimal')
  stage.consumers[0]!.cfnMapping.addPropertyOverride('NoSuchProperty', 1)
  expect(() => app.synth()).toThrow(/NoSuchProperty/)
})
