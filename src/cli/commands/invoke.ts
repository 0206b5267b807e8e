import { invokeFunction } from '../../operations/invoke.ts'
import { WeirError } from '../../core/errors.ts'
import type { Target } from '../../operations/target.ts'
import { defineCommand } from '../command.ts'
import { readInput } from '../input.ts'
import { required, text } from '../options.ts'
import { functionsOf, openTarget } from '../target.ts'

export const command = defineCommand({
  summary: 'Invoke a function with an event from a file',
  details: 'Prints status, response and the end of the log. Ends with 1 where the function failed.',
  example: ['weirhouse invoke --event event.json', 'weirhouse invoke --event - --function weirhouse-demo < event.json'],
  options: {
    event: required(text('file', 'file that holds the event, - for standard input')),
    function: text('name', 'the function; needed where there is more than one'),
  },
  async run({ event, function: name }, io) {
    const target = await openTarget(io)
    const functionName = oneFunction(target, name)
    const payload = await readInput(event, io)
    io.progress(`Invoking ${functionName}`)
    const result = await invokeFunction({ endpoint: target.lambda.endpoint, functionName }, payload, io.signal)
    await io.answer({ function: functionName, ...result }, () =>
      [
        `status   ${result.statusCode}${result.functionError ? `, function error ${result.functionError}` : ''}`,
        `request  ${result.requestId}`,
        `response ${JSON.stringify(result.payload)}`,
        ...(result.log ? ['log', ...result.log.trimEnd().split('\n')].map((line, i) => (i ? `  ${line}` : line)) : []),
      ].join('\n'),
    )
    return result.functionError === undefined ? 0 : 1
  },
})

function oneFunction(target: Target, name: string | undefined): string {
  const names = functionsOf(target, name)
  const [only] = names
  if (only === undefined || names.length > 1)
    throw new WeirError('WEIR_USAGE', {
      reason: names.length === 0 ? 'the stack has no function' : `the stack has ${names.length} functions`,
      advice: `Name one with --function: ${names.join(', ') || 'none'}.`,
    })
  return only
}
