import type { Terminal } from './terminal.ts'

const HIDE_CURSOR = '\u001b[?25l'
const SHOW_CURSOR = '\u001b[?25h'
const ERASE_BELOW = '\u001b[0J'

/** A block of lines at the end of the terminal that is drawn anew in place. */
export class Screen {
  readonly #terminal: Terminal
  #height = 0
  #last = ''

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  draw(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join('')
    if (text === this.#last && this.#height > 0) return
    const back = this.#height === 0 ? HIDE_CURSOR : `\u001b[${this.#height}A\r${ERASE_BELOW}`
    this.#terminal.write(back + text)
    this.#height = lines.length
    this.#last = text
  }

  /** Leaves what was drawn last on the terminal and gives the cursor back. May be called again. */
  end(): void {
    if (this.#height > 0) this.#terminal.write(SHOW_CURSOR)
    this.#height = 0
    this.#last = ''
  }
}
