import * as fc from 'fast-check'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { exitReason } from './answers.ts'
import { createLineSplitter, MAX_MESSAGE_CHARACTERS, openLogStream, TAIL_BYTES } from './log-stream.ts'
import type { LogLimits } from './log-stream.ts'
import { reportLine } from './report.ts'
import { functionNameOf, invocationPath, isLoopbackHost } from './request.ts'
import { functionVariables, memoryArguments } from './variables.ts'

const root = mkdtempSync(join(tmpdir(), 'weirhouse-log-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('functionNameOf', () => {
  test.each([
    ['f', 'f'],
    ['f:$LATEST', 'f'],
    ['arn:aws:lambda:us-east-1:000000000000:function:my-f_1', 'my-f_1'],
    ['arn:aws-cn:lambda:cn-north-1:000000000000:function:f:$LATEST', 'f'],
    ['000000000000:function:f', 'f'],
    ['function:f', 'f'],
    ['f:live', undefined],
    ['arn:aws:s3:::f', undefined],
    ['../f', undefined],
    ['', undefined],
  ])('%j is the function %j', (given, name) => {
    expect(functionNameOf(given)).toBe(name)
  })
})

describe('invocationPath', () => {
  test.each([
    ['/2015-03-31/functions/f/invocations', 'f'],
    ['/2015-03-31/functions/f%3A%24LATEST/invocations?Qualifier=%24LATEST', 'f:$LATEST'],
    ['/2015-03-31/functions/%/invocations', undefined],
    ['/2015-03-31/functions/a/b/invocations', undefined],
    ['/2015-03-31/functions/f', undefined],
    ['/', undefined],
  ])('%j names %j', (url, name) => {
    expect(invocationPath(url)).toBe(name)
  })
})

describe('isLoopbackHost', () => {
  test.each(['127.0.0.1', '127.0.0.1:80', '127.1.2.3:9', 'localhost', 'LOCALHOST:1', 'lambda.localhost:1', '[::1]:80'])(
    '%s is',
    (host) => expect(isLoopbackHost(host)).toBe(true),
  )
  test.each([
    undefined,
    '',
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'notlocalhost',
    '10.0.0.1:80',
    '[::2]',
    '127.0.0.1@evil.example',
    '127.1',
    '0.0.0.0',
  ])('%s is not', (host) => expect(isLoopbackHost(host)).toBe(false))
})

describe('exitReason', () => {
  test.each([
    [{ code: 0, signal: null }, 'Runtime exited without providing a reason'],
    [{ code: 134, signal: null }, 'Runtime exited with error: exit status 134'],
    [{ code: null, signal: 'SIGKILL' as const }, 'Runtime exited with error: signal: killed'],
    [{ code: null, signal: 'SIGUSR1' as const }, 'Runtime exited with error: signal: SIGUSR1'],
  ])('%j', (end, reason) => {
    expect(exitReason(end)).toBe(reason)
  })
})

describe('reportLine', () => {
  const base = { requestId: 'r', memoryMb: 128 }
  test.each([
    [{ duration: 1.234 }, 'REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t'],
    [
      { duration: 0, init: 99.5, maxMemoryMb: 60 },
      'REPORT RequestId: r\tDuration: 0.00 ms\tBilled Duration: 100 ms\tMemory Size: 128 MB\tMax Memory Used: 60 MB\tInit Duration: 99.50 ms\t',
    ],
    [
      { duration: 1000, status: 'timeout' as const },
      'REPORT RequestId: r\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\tMemory Size: 128 MB\tStatus: timeout\t',
    ],
  ])('E32: REPORT of %j', (more, line) => {
    expect(reportLine({ ...base, ...more })).toBe(line)
  })
})

describe('functionVariables', () => {
  const input = {
    name: 'f',
    handler: 'index.handler',
    memoryMb: 512,
    environment: {},
    taskRoot: '/task',
    runtimeApi: '127.0.0.1:1',
    logStream: 's',
    temporaryFolder: '/t',
    extraCaCerts: undefined,
  }
  test('E32: a function cannot set what Lambda keeps to itself', () => {
    const reserved = Object.keys(functionVariables(input)).filter((key) => /^(AWS_LAMBDA_|LAMBDA_|_HANDLER)/.test(key))
    expect(reserved).toHaveLength(10)
    const environment = Object.fromEntries(reserved.map((key) => [key, 'mine']))
    expect(functionVariables({ ...input, environment })).toEqual(functionVariables(input))
  })

  test('E32: the memory limit is the limit of the heap', () => {
    expect(memoryArguments(512)).toEqual(['--max-semi-space-size=25', '--max-old-space-size=461'])
  })
})

let count = 0
function stream(limits?: LogLimits) {
  const folder = join(root, String(count++))
  const warnings: unknown[] = []
  const open = (id = 'a'.repeat(32)) =>
    openLogStream({
      folder,
      id,
      now: () => Date.UTC(2026, 0, 31),
      warn: (reason) => void warnings.push(reason),
      ...(limits ? { limits } : {}),
    })
  const lines = () =>
    readdirSync(folder)
      .sort()
      .flatMap((file) => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as { timestamp: number; message: string })
  return { folder, warnings, open, lines }
}

describe('openLogStream', () => {
  test('E32: a stream is a file named as CloudWatch names it, one JSON object a line', () => {
    const { folder, open, lines } = stream()
    const log = open()
    expect(log.name).toBe(`2026/01/31/[$LATEST]${'a'.repeat(32)}`)
    log.write('one')
    log.write('two\nlines')
    log.close()
    expect(readdirSync(folder)).toEqual([`2026-01-31-[$LATEST]${'a'.repeat(32)}.log`])
    expect(lines()).toEqual(['one', 'two\nlines'].map((message) => ({ timestamp: Date.UTC(2026, 0, 31), message })))
  })

  test('goes on in a new file when one is full, and keeps no more files than it may', async () => {
    const { folder, open, lines } = stream({ fileBytes: 100, files: 3 })
    const log = open()
    for (let i = 0; i < 10; i++) {
      log.write(`${i}${'x'.repeat(100)}`)
      await new Promise(setImmediate)
    }
    log.close()
    expect(readdirSync(folder)).toHaveLength(3)
    expect(lines().map(({ message }) => message[0])).toEqual(['7', '8', '9'])
  })

  test('cuts a message that is too long', () => {
    const { open, lines } = stream()
    const log = open()
    log.write('y'.repeat(MAX_MESSAGE_CHARACTERS + 1))
    log.close()
    expect(lines().map(({ message }) => message.length)).toEqual([MAX_MESSAGE_CHARACTERS, 1])
  })

  test('the tail is the last 4 KiB since the mark', () => {
    const log = stream().open()
    log.write('before')
    log.mark()
    log.write('first')
    expect(log.tail().toString()).toBe('first\n')
    for (let i = 0; i < 100; i++) log.write(`${i} ${'é'.repeat(50)}`)
    expect(log.tail()).toHaveLength(TAIL_BYTES)
    expect(log.tail().toString()).toMatch(/\n99 é+\n$/)
    log.close()
  })

  test('a folder that cannot be written is told once, and ends nothing', async () => {
    const { folder, warnings, open } = stream()
    writeFileSync(folder, 'a file')
    const log = open()
    log.write('one')
    await new Promise(setImmediate)
    log.write('two')
    log.close()
    expect(warnings).toHaveLength(1)
  })
})

describe('createLineSplitter', () => {
  test('gives the same lines however the output is cut', () => {
    const text = fc.array(fc.string({ unit: 'binary' }).map((line) => line.replaceAll(/[\r\n]|\p{Cs}/gu, '_')))
    fc.assert(
      fc.property(text, fc.array(fc.nat(40)), (lines, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
        const seen: string[] = []
        const splitter = createLineSplitter((line) => void seen.push(line))
        let at = 0
        for (const cut of cuts) splitter.add(bytes.subarray(at, (at += cut)))
        splitter.add(bytes.subarray(at))
        splitter.end()
        expect(seen).toEqual(lines)
      }),
      { numRuns: 50 },
    )
  })

  test('a carriage return of the runtime client is a line break within an event', () => {
    const seen: string[] = []
    createLineSplitter((line) => void seen.push(line)).add(Buffer.from('a\rb\n'))
    expect(seen).toEqual(['a\nb'])
  })
})
