import type { Writable } from 'node:stream'

/** A step is shown only once it has taken this long. */
const SHOW_AFTER_MS = 1000
const FRAME_MS = 120
const FRAMES = ['|', '/', '-', '\\']
/** ECMA-48: back to column 1, erase to the end of the line. */
const ERASE_LINE = '\r\u001B[K'

export interface Progress {
  show(text: string | null): void
  /** Clears the spinner's line before something else is written. */
  hide(): void
}

/** A line for each step over a second; on a terminal, one line that turns. Holds no process open. */
export function createProgress(stderr: Writable & { readonly isTTY?: boolean }): Progress {
  let timer: NodeJS.Timeout | undefined
  let drawn = false
  const hide = () => {
    if (drawn) stderr.write(ERASE_LINE)
    drawn = false
  }
  const spin = (text: string) => {
    let frame = 0
    timer = setInterval(() => {
      stderr.write(`${ERASE_LINE}${FRAMES[frame++ % FRAMES.length]} ${text}`)
      drawn = true
    }, FRAME_MS).unref()
  }
  return {
    hide,
    show(text) {
      clearInterval(timer)
      hide()
      if (text === null) return
      timer = setTimeout(() => {
        if (stderr.isTTY === true) spin(text)
        else stderr.write(`${text} ...\n`)
      }, SHOW_AFTER_MS).unref()
    },
  }
}
