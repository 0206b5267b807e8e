/**
 * Every verb, in the order of `weirhouse --help`. The help is printed from this table alone: a verb's file, and what it
 * depends on, is loaded only when that verb runs.
 */
import type { Verb } from './command.ts'

export interface VerbEntry {
  readonly name: string
  /** The same as in the verb's own file; a test holds them equal. */
  readonly summary: string
  readonly load: () => Promise<{ readonly command: Verb }>
}

export const verbs: readonly VerbEntry[] = [
  {
    name: 'start',
    summary: 'Start the local stack, send the samples, wait until they are processed, audit, and stay up',
    load: () => import('./commands/start.ts'),
  },
  {
    name: 'dev',
    summary: 'Start the local stack and replace a function whenever one of its files is saved; shows the log',
    load: () => import('./commands/dev.ts'),
  },
  {
    name: 'up',
    summary: 'Start the local stack: servers, tables, functions, event source mappings; no data is produced',
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'down',
    summary: 'Stop a running stack and every server of it',
    load: () => import('./commands/down.ts'),
  },
  {
    name: 'status',
    summary: 'Show where a running stack is: addresses, keys, pipelines',
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'pause',
    summary: 'Disable event source mappings: records wait in their topics until `weirhouse resume`',
    load: () => import('./commands/pause.ts'),
  },
  {
    name: 'resume',
    summary: 'Enable event source mappings again: they go on at the offsets that were committed',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'topics',
    summary: 'Create, list, describe and delete topics',
    load: () => import('./commands/topics.ts'),
  },
  {
    name: 'groups',
    summary: 'List and describe consumer groups: members, committed offsets, lag',
    load: () => import('./commands/groups.ts'),
  },
  {
    name: 'try',
    summary: 'Decode, validate and transform records of a file or typed in, without any server',
    load: () => import('./commands/try.ts'),
  },
  {
    name: 'produce',
    summary: 'Send lines of standard input or of a file to a topic, one message a line',
    load: () => import('./commands/produce.ts'),
  },
  {
    name: 'consume',
    summary: 'Print the messages of a topic',
    load: () => import('./commands/consume.ts'),
  },
  {
    name: 'logs',
    summary: 'Print the log of the functions, all instances merged by time',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'invoke',
    summary: 'Invoke a function with an event from a file',
    load: () => import('./commands/invoke.ts'),
  },
  {
    name: 'audit',
    summary: 'Compare every store with the log, record by record',
    load: () => import('./commands/audit.ts'),
  },
  {
    name: 'migrate',
    summary: 'Bring the PostgreSQL tables to the definitions',
    load: () => import('./commands/migrate.ts'),
  },
  {
    name: 'dlq',
    summary: 'List, show, replay and discard dead letters: records that could not take effect',
    load: () => import('./commands/dlq.ts'),
  },
  {
    name: 'rewind',
    summary: 'Rebuild sinks from the log: from an offset, a time, or all that the log still has',
    load: () => import('./commands/rewind.ts'),
  },
  {
    name: 'plan',
    summary: 'Show what the pipelines guarantee and need; with --env, what they come to on AWS and what that costs',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'doctor',
    summary: 'Check this machine, this project and the running stack',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'synth',
    summary: 'Write the CloudFormation templates of an environment, with their assets, into a folder',
    load: () => import('./commands/synth.ts'),
  },
  {
    name: 'deploy',
    summary: 'Bring an environment to AWS: every stack, and the tables, in the order that works',
    load: () => import('./commands/deploy.ts'),
  },
  {
    name: 'outputs',
    summary: 'Show what an environment on AWS tells: addresses, names, ids',
    load: () => import('./commands/outputs.ts'),
  },
  {
    name: 'connect',
    summary: 'Print, or run, the command that leads to a host of an environment on AWS',
    load: () => import('./commands/connect.ts'),
  },
  {
    name: 'destroy',
    summary: 'Take an environment off AWS; where keepData says so, what holds records stays',
    load: () => import('./commands/destroy.ts'),
  },
]
