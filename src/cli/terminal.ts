/** Colours and weights; without colours each returns its text unchanged. */
export interface Paint {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  blue(text: string): string
  magenta(text: string): string
  cyan(text: string): string
}

export interface Style {
  /** Widest line that may be written. */
  readonly columns: number
  readonly paint: Paint
  /** Whether the terminal shows more than ASCII. */
  readonly unicode: boolean
}

/** Where a command writes: a screen that a person looks at, or a pipe that a program reads. */
export interface Terminal {
  readonly style: Style
  /** True for a screen whose lines can be written anew; false: write JSON lines or plain text. */
  readonly isLive: boolean
  /** Results, to standard output. */
  line(text?: string): void
  write(text: string): void
  /** What is said about the work, to standard error, so that results can be piped. */
  note(text: string): void
}

interface Stream {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface TerminalOptions {
  readonly stdout: Stream
  readonly stderr: Stream
  readonly environment: Readonly<Record<string, string | undefined>>
}

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36 } as const
const WIDEST = 100
const NARROWEST = 40

export const plainPaint: Paint = paintOf(false)

/** Follows NO_COLOR (https://no-color.org), FORCE_COLOR and TERM=dumb. Lines are at most 100 characters wide. */
export function openTerminal({ stdout, stderr, environment }: TerminalOptions): Terminal {
  const isScreen = stdout.isTTY === true
  const isDumb = environment.TERM === 'dumb'
  const forced = (environment.FORCE_COLOR ?? '') !== '' && environment.FORCE_COLOR !== '0'
  const refused = (environment.NO_COLOR ?? '') !== '' || environment.FORCE_COLOR === '0'
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || ''
  const columns = Math.max(NARROWEST, Math.min(WIDEST, isScreen ? stdout.columns || 80 : 80)) - 1
  return {
    style: {
      columns,
      paint: paintOf(!refused && (forced || (isScreen && !isDumb))),
      unicode: /utf-?8/i.test(locale) || process.platform === 'darwin',
    },
    isLive: isScreen && !isDumb,
    line: (text = '') => void stdout.write(`${text}\n`),
    write: (text) => void stdout.write(text),
    note: (text) => void stderr.write(`${text}\n`),
  }
}

function paintOf(withColours: boolean): Paint {
  const painter = (code: number) => (text: string) =>
    withColours && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text
  return {
    bold: painter(CODES.bold),
    dim: painter(CODES.dim),
    red: painter(CODES.red),
    green: painter(CODES.green),
    yellow: painter(CODES.yellow),
    blue: painter(CODES.blue),
    magenta: painter(CODES.magenta),
    cyan: painter(CODES.cyan),
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins every colour.
const COLOURS = /\u001b\[[0-9;]*m/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** How many columns a text takes; colours take none. */
export function widthOf(text: string): number {
  return [...text.replace(COLOURS, '')].length
}

/** A text of others made safe to show: no control characters that could move the cursor or change colours. */
export function harmless(text: string): string {
  return text.replace(CONTROLS, ' ')
}

/** At most `width` columns; what is cut is marked by dots. The text has no colours. */
export function clip(text: string, width: number): string {
  const characters = [...text]
  if (characters.length <= width) return text
  return width <= 2 ? characters.slice(0, width).join('') : `${characters.slice(0, width - 2).join('')}..`
}
