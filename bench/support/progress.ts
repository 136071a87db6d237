import fs from 'node:fs'

/** Says on standard error how far a bench is; standard output is for its figures. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A line that is written over while something is under way; on a terminal only. */
export function sayInPlace(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
}

export function endLineInPlace(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

/** Rows of equal cells, as a table with aligned columns; the first row is the head. */
export function sayTable(rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (Number.isNaN(cell) ? '-' : String(cell))))
  const widths = texts[0]!.map((_, column) => Math.max(...texts.map((row) => row[column]!.length)))
  for (const row of texts) {
    say(row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '))
  }
}

/** What a bench has found: figures, and the promises that were broken while it ran. */
export interface Findings {
  readonly bench: string
  readonly broken: readonly string[]
  readonly [figure: string]: unknown
}

/** Prints the figures as one line of JSON, keeps them when asked to, and makes the process fail for a broken promise. */
export function conclude(findings: Findings, saveTo: string | undefined): void {
  const line = JSON.stringify(findings)
  if (saveTo !== undefined) fs.appendFileSync(saveTo, `${line}\n`)
  for (const broken of findings.broken) say(`BROKEN: ${broken}`)
  process.stdout.write(`${line}\n`)
  if (findings.broken.length > 0) process.exitCode = 1
}
