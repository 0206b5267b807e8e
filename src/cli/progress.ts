import type { Writable } from 'node:stream'

/** A step is shown only once it has taken this long. */
const SHOW_AFTER_MS = 1000
const FRAME_MS = 120
const FRAMES = ['|', '/', '-', '\\']
/** ECMA-48: back to column 1, erase to the end of the line. */
const ERASE_LINE = '\r\u001B[K'

export interface Progress {
  /** Names the step; null ends it. The same step again with another detail goes on. */
  show(step: string | null, detail?: string): void
  /** Clears the spinner's line before something else is written. */
  hide(): void
}

/**
 * A line for each step over a second, without its details; on a terminal, one line that turns, with them. Holds no process
 * open.
 */
export function createProgress(stderr: Writable & { readonly isTTY?: boolean }): Progress {
  let current: string | null = null
  let detailed = ''
  let timer: NodeJS.Timeout | undefined
  let drawn = false
  const hide = () => {
    if (drawn) stderr.write(ERASE_LINE)
    drawn = false
  }
  const spin = () => {
    let frame = 0
    timer = setInterval(() => {
      stderr.write(`${ERASE_LINE}${FRAMES[frame++ % FRAMES.length]} ${detailed}`)
      drawn = true
    }, FRAME_MS).unref()
  }
  return {
    hide,
    show(step, detail) {
      detailed = `${step ?? ''}${detail === undefined ? '' : `: ${detail}`}`
      if (step === current) return
      clearTimeout(timer)
      clearInterval(timer)
      hide()
      current = step
      if (step === null) return
      timer = setTimeout(() => {
        if (stderr.isTTY === true) spin()
        else stderr.write(`${step} ...\n`)
      }, SHOW_AFTER_MS).unref()
    },
  }
}
