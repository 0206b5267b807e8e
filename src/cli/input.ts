/** Files that the command line names; `-` is standard input. */
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { messageOf, WeirError } from '../core/errors.ts'
import type { Io } from './io.ts'

/** The whole of it. Throws WEIR_INPUT. */
export async function readInput(file: string, io: Pick<Io, 'stdin' | 'signal'>): Promise<Buffer> {
  return buffer(await openInput(file, io))
}

/** As a stream, its end or a stop by the signal closing it. Throws WEIR_INPUT where it cannot be opened. */
export async function openInput(file: string, { stdin, signal }: Pick<Io, 'stdin' | 'signal'>): Promise<Readable> {
  if (file === '-') {
    const stop = () => stdin.destroy(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
    stdin.once('close', () => signal.removeEventListener('abort', stop))
    return stdin
  }
  try {
    const handle = await open(file)
    if ((await handle.stat()).isDirectory()) {
      await handle.close()
      throw new Error('it is a folder')
    }
    return createReadStream('', { fd: handle, signal })
  } catch (error) {
    throw new WeirError('WEIR_INPUT', { file, reason: messageOf(error) }, { cause: error })
  }
}
