/** From an empty account and back, by the verbs and the pinned CDK command line, against moto in place of AWS. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { motoServer } from '../support/moto-server.ts'
import type { MotoServer } from '../support/moto-server.ts'
import { weirhouse } from '../support/weirhouse.ts'

const home = mkdtempSync(join(tmpdir(), 'weirhouse-deploy-'))
let moto: MotoServer
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  moto = await motoServer()
  const rest = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'))
  env = {
    ...Object.fromEntries(rest),
    HOME: home,
    AWS_ENDPOINT_URL: moto.endpoint,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
})
afterAll(async () => {
  await moto?.close()
  rmSync(home, { recursive: true, force: true })
})

const stacks = (...names: string[]) => names.map((name) => `weirhouse-minimal-${name}`)

test('nobody to ask, nothing done', async () => {
  const { code, stderr } = await weirhouse(['deploy', '--env', 'minimal'], { env })
  expect([code, moto.notes]).toEqual([1, []])
  expect(stderr).toContain('stacks are new')
  expect(stderr).toMatch(/WEIR_NOT_CONFIRMED: Nothing was changed: there is nobody to ask.*--yes/)
})

test('one verb: bootstrap, what others stand on, the tables, then what consumes', async () => {
  const { code, stderr, stdout } = await weirhouse(['deploy', '--env', 'minimal', '--yes'], { env })
  expect(code, stderr).toBe(0)
  expect(moto.notes).toEqual([
    'deploy CDKToolkit',
    ...stacks('network', 'stream', 'store', 'access').map((name) => `deploy ${name}`),
    'invoke {"verb":"migrate","dryRun":false}',
    ...stacks('process', 'observe').map((name) => `deploy ${name}`),
  ])
  for (const name of stacks('network', 'stream', 'store', 'access', 'process', 'observe'))
    expect(stdout).toMatch(new RegExp(`${name}\\s+(CREATE|UPDATE)_COMPLETE`))
  expect(stdout).toContain('Next: weirhouse outputs --env minimal')
})

test('outputs shows names and addresses; connect the line that leads to the host', async () => {
  const { stdout } = await weirhouse(['outputs', '--env', 'minimal', '--json'], { env })
  const outputs = JSON.parse(stdout) as Record<string, { outputs: Record<string, string> }>
  expect(Object.keys(outputs['weirhouse-minimal-store']!.outputs)).toEqual(
    expect.arrayContaining(['RecordsBucket', 'DatabaseAddress', 'TableDemo', 'TableEarthquakes', 'OperationsFunction']),
  )
  const instance = outputs['weirhouse-minimal-access']!.outputs['KafkaHostId']!
  const connect = await weirhouse(['connect', '--env', 'minimal', '--host', 'kafka'], { env })
  expect(connect.stdout).toBe(`aws ssm start-session --region eu-west-1 --target ${instance}\n`)
  const bastion = await weirhouse(['connect', '--env', 'minimal', '--host', 'bastion'], { env })
  expect(bastion.stderr).toContain(
    'WEIR_NOT_DEPLOYED: Environment "minimal" does not stand in eu-west-1: it has no bastion',
  )
})

test('destroy names what goes, empties buckets, and takes every stack', async () => {
  const before = moto.notes.length
  const { code, stderr, stdout } = await weirhouse(['destroy', '--env', 'minimal', '--yes'], { env })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/RecordsBucket\w+\s+S3::Bucket\s+is destroyed, with the records in it/)
  expect(stdout).toContain('Environment "minimal" is gone from eu-west-1.')
  expect(moto.notes.slice(before).toSorted()).toEqual(
    stacks('access', 'network', 'observe', 'process', 'store', 'stream').map((name) => `delete ${name}`),
  )
  const again = await weirhouse(['outputs', '--env', 'minimal'], { env })
  expect(again.stderr).toContain('WEIR_NOT_DEPLOYED')
})
