import fs from 'node:fs'

/** One entry of `docs/reference/deviations.md`; the page explains the fields. */
export interface Deviation {
  readonly answer: string
  readonly key: string
  readonly difference: 'added' | 'missing' | 'value'
  readonly sent?: string
  readonly because: string
}

/** The entries of a section of the page, by its heading. */
export function readDeviations(heading: string): readonly Deviation[] {
  const page = fs.readFileSync(new URL('../docs/reference/deviations.md', import.meta.url), 'utf8')
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))
  const block = section === undefined ? null : /^```json\n([\s\S]*?)^```$/m.exec(section)
  if (block === null) throw new Error(`docs/reference/deviations.md has no JSON under "## ${heading}"`)
  return JSON.parse(block[1]!) as Deviation[]
}
