/** The exact command that leads to a host, from what the stacks tell. Pure. */
import { WeirError } from '../../core/errors.ts'

export type Host = 'kafka' | 'bastion'
export type Via = 'ssh' | 'session'

export interface Way {
  /** To be run as it is: program and arguments. */
  readonly command: readonly [string, ...string[]]
  /** A line for the shell, once before: puts the hosts' private key into the agent, through no file. Undefined: nothing is needed. */
  readonly keyLine: string | undefined
}

interface Asked {
  readonly environment: string
  readonly region: string
  readonly host: Host
  /** ssh where there is a bastion, else session, where not given. */
  readonly via: Via | undefined
  readonly outputs: Readonly<Record<string, string>>
}

const USER = 'ec2-user'

/** Throws WEIR_NOT_DEPLOYED where the environment has no such host, or none that takes SSH. */
export function wayTo({ environment, region, host, via, outputs }: Asked): Way {
  const { BastionAddress: bastion, KafkaHostAddress: kafkaHost, KeyPairParameter: keyParameter } = outputs
  const instance = outputs[host === 'bastion' ? 'BastionId' : 'KafkaHostId']
  const missing = (what: string) => new WeirError('WEIR_NOT_DEPLOYED', { environment, region, what })
  if (instance === undefined) throw missing(`it has no ${host === 'bastion' ? 'bastion' : 'Kafka host'} (access.hosts)`)
  if ((via ?? (bastion === undefined ? 'session' : 'ssh')) === 'session')
    return { command: ['aws', 'ssm', 'start-session', '--region', region, '--target', instance], keyLine: undefined }
  if (bastion === undefined || kafkaHost === undefined)
    throw missing('without a bastion no host takes SSH (access.hosts); leave out --via ssh')
  const jump = host === 'kafka' ? ['-J', `${USER}@${bastion}`] : []
  const target = host === 'kafka' ? kafkaHost : bastion
  return {
    command: ['ssh', '-A', ...jump, `${USER}@${target}`],
    keyLine: keyParameter === undefined ? undefined : keyLine(keyParameter, region),
  }
}

/** The private half of the key pair is in Systems Manager alone. */
function keyLine(parameter: string, region: string): string {
  const read = ['aws', 'ssm', 'get-parameter', '--region', region, '--name', parameter, '--with-decryption']
  return `${shellLine([...read, '--query', 'Parameter.Value', '--output', 'text'])} | ssh-add -`
}

/** As one would type it. */
export function shellLine(command: readonly string[]): string {
  return command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')
}
