/** cfn-lint on every template of both presets: one process, for it takes seconds to load. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { AWS_REQUIREMENTS } from '../support/aws-python.ts'
import { foreignPython, run } from '../support/foreign.ts'
import { lintAcknowledgements } from './acknowledgements.ts'
import { environment } from './environment.ts'
import type { TemplateBody } from './reachability.ts'
import { testFolder } from './spec-app.ts'

interface Finding {
  readonly Filename: string
  readonly Rule: { readonly Id: string }
  readonly Location: { readonly Path: readonly (string | number)[] | null }
  readonly Message: string
}

/** Its script names the interpreter by a path, which is another once the environment is in its place. */
const MAIN = 'from cfnlint.runner import main; main()'
const PLANTED = 'planted/Network.json'
const presets = ['spec', 'minimal'] as const
let findings: readonly {
  readonly file: string
  readonly rule: string
  readonly resource: string
  readonly text: string
}[]

const placeOf = (stack: string, path: readonly (string | number)[]) =>
  path[0] === 'Resources' ? `${stack}/${String(path[1]).replace(/[0-9A-F]{8}$/, '')}` : `${stack}/${path.join('.')}`

/** Every template as a file, and one more with a mistake: log groups keep 30 or 60 days, never 31. */
function written(): { readonly folder: string; readonly files: readonly string[] } {
  const folder = testFolder()
  const bodies = presets.flatMap((preset) =>
    Object.entries(environment({ preset }).templates()).map(
      ([stack, body]) => [`${preset}/${stack}.json`, body] as const,
    ),
  )
  const [, network] = bodies.find(([file]) => file === 'spec/Network.json')!
  const all: readonly (readonly [string, TemplateBody])[] = [...bodies, [PLANTED, spoilt(network)]]
  for (const [file, body] of all) writeFileSync(join(folder, file.replace('/', '-')), JSON.stringify(body))
  return { folder, files: all.map(([file]) => file) }
}

function spoilt(body: TemplateBody): TemplateBody {
  const Resources = Object.entries(body.Resources ?? {}).map(([id, resource]) => [
    id,
    resource.Type === 'AWS::Logs::LogGroup' ? { ...resource, Properties: { RetentionInDays: 31 } } : resource,
  ])
  return { ...body, Resources: Object.fromEntries(Resources) as NonNullable<TemplateBody['Resources']> }
}

beforeAll(async () => {
  const { folder, files } = written()
  const paths = files.map((file) => join(folder, file.replace('/', '-')))
  const options = ['--format', 'json', '--regions', 'us-east-1', '--non-zero-exit-code', 'none']
  const printed = await run(await foreignPython(AWS_REQUIREMENTS), ['-c', MAIN, ...options, '--', ...paths])
  findings = (JSON.parse(printed) as Finding[]).map(({ Filename, Rule, Location, Message }) => {
    const file = files[paths.indexOf(Filename)]!
    const resource = placeOf(/\/(.*)\.json/.exec(file)![1]!, Location.Path ?? [])
    return { file, rule: Rule.Id, resource, text: `${file}: ${Rule.Id} ${resource}: ${Message}` }
  })
})

describe('cfn-lint', () => {
  const isAcknowledged = ({ rule, resource }: { readonly rule: string; readonly resource: string }) =>
    lintAcknowledgements.some((each) => each.rule === rule && each.resource === resource)

  test.each(presets)('finds nothing in preset %s but what is acknowledged', (preset) => {
    const open = findings.filter((finding) => finding.file.startsWith(`${preset}/`) && !isAcknowledged(finding))
    expect(open.map(({ text }) => text)).toEqual([])
  })

  test('still finds each thing that is acknowledged', () => {
    const stale = lintAcknowledgements.filter(
      ({ rule, resource }) => !findings.some((finding) => finding.rule === rule && finding.resource === resource),
    )
    expect(stale).toEqual([])
  })

  test('finds a planted mistake', () => {
    const planted = findings.filter(({ file }) => file === PLANTED)
    expect(planted.map(({ text }) => text)).toEqual([
      expect.stringMatching(/E3030 Network\/NetworkFlowLogsGroup: 31 is not one of/),
    ])
  })
})
