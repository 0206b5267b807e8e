/** Each example of an app for the AWS CDK, run as the CDK's command runs it. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { filesUnder, root } from './tidy/tree.ts'

const folder = mkdtempSync(join(tmpdir(), 'weirhouse-examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the one stack of each makes that no other example does. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  'examples/consumer-on-aws/app.ts': ['AWS::Lambda::EventSourceMapping', 'AWS::CloudWatch::Alarm'],
  'examples/kafka-on-aws/app.ts': ['AWS::EC2::Instance', 'AWS::MSK::Cluster'],
  'examples/stores-on-aws/app.ts': ['AWS::DynamoDB::Table', 'AWS::RDS::DBInstance', 'AWS::S3::Bucket'],
}

const examples = filesUnder('examples').map(({ path }) => path)

test('every app is tried', () => {
  expect(examples.filter((path) => path.endsWith('/app.ts')).toSorted()).toEqual(Object.keys(EXPECTED))
})

test.each(Object.entries(EXPECTED))('%s synthesizes', (path, types) => {
  const cwd = mkdtempSync(join(folder, 'app-'))
  const output = join(cwd, 'cdk.out')
  const env = { ...process.env, CDK_OUTDIR: output, CDK_VALIDATION: 'false' }
  execFileSync(process.execPath, ['--conditions=source', join(root, path)], { cwd, env, stdio: 'pipe' })
  const { artifacts } = json(join(output, 'manifest.json')) as {
    artifacts: Record<string, { type: string; properties: { templateFile: string } }>
  }
  const [stack, ...more] = Object.values(artifacts).filter(({ type }) => type === 'aws:cloudformation:stack')
  const { Resources } = json(join(output, stack!.properties.templateFile)) as {
    Resources: Record<string, { Type: string }>
  }
  expect(more).toEqual([])
  expect(Object.values(Resources).map(({ Type }) => Type)).toEqual(expect.arrayContaining([...types]))
})

function json(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
