import { functionsFor, invokeFunction } from '../../operations/invoke.ts'
import { WeirError } from '../../core/errors.ts'
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
    function: text('name', 'the function; needed where not just one reads the topic of the event'),
  },
  async run({ event, function: name }, io) {
    const target = await openTarget(io)
    const named = name === undefined ? undefined : functionsOf(target, name)
    const payload = await readInput(event, io)
    const functionName = only(named ?? functionsFor(target.pipelines, payload))
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

function only(names: readonly string[]): string {
  const [first] = names
  if (first === undefined || names.length > 1)
    throw new WeirError('WEIR_USAGE', {
      reason: names.length === 0 ? 'the stack has no function' : `the event may be for ${names.length} functions`,
      advice: `Name one with --function: ${names.join(', ') || 'none'}.`,
    })
  return first
}
