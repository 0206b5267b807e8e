import { expect, test } from 'vitest'
import { shellLine, wayTo } from './connect.ts'
import type { Host, Via } from './connect.ts'

const spec = {
  BastionAddress: '198.51.100.4',
  BastionId: 'i-0b',
  KafkaHostAddress: '11.0.2.17',
  KafkaHostId: 'i-0a',
  KeyPairParameter: '/ec2/keypair/key-1',
}
const minimal = { KafkaHostAddress: '10.11.2.17', KafkaHostId: 'i-0a' }

const way = (host: Host, via: Via | undefined, outputs: Readonly<Record<string, string>>) =>
  wayTo({ environment: 'spec', region: 'eu-west-1', host, via, outputs })

test.each<[Host, Via | undefined, Readonly<Record<string, string>>, string]>([
  ['bastion', undefined, spec, 'ssh -A ec2-user@198.51.100.4'],
  ['kafka', undefined, spec, 'ssh -A -J ec2-user@198.51.100.4 ec2-user@11.0.2.17'],
  ['kafka', 'session', spec, 'aws ssm start-session --region eu-west-1 --target i-0a'],
  ['bastion', 'session', spec, 'aws ssm start-session --region eu-west-1 --target i-0b'],
  ['kafka', undefined, minimal, 'aws ssm start-session --region eu-west-1 --target i-0a'],
])('%s by %s: %j', (host, via, outputs, line) => {
  expect(shellLine(way(host, via, outputs).command)).toBe(line)
})

test('the key goes from Systems Manager to the agent, through no file', () => {
  expect(way('kafka', undefined, spec).keyLine).toBe(
    'aws ssm get-parameter --region eu-west-1 --name /ec2/keypair/key-1 --with-decryption --query Parameter.Value --output text | ssh-add -',
  )
  expect(way('kafka', 'session', spec).keyLine).toBeUndefined()
})

test.each<[Host, Via | undefined, Readonly<Record<string, string>>, RegExp]>([
  ['bastion', undefined, minimal, /it has no bastion/],
  ['kafka', 'ssh', minimal, /without a bastion no host takes SSH/],
  ['kafka', undefined, {}, /it has no Kafka host/],
])('%s by %s where there is none: says so', (host, via, outputs, said) => {
  expect(() => way(host, via, outputs)).toThrow(said)
})

test('words with a space or a quote stay one word', () => {
  expect(shellLine(['sh', '-c', "it's"])).toBe(`sh -c 'it'\\''s'`)
})
