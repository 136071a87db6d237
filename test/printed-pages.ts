import fs from 'node:fs'
import { expect } from 'vitest'
import { type Deviation, readDeviations } from './deviations.ts'

/**
 * What the pages of a product print, as fixtures written by hand: an answer by its method, path and status, and what is
 * posted to a webhook by the name of its event. A value stands for itself, unless it is one of the {@link SAMPLES}, which
 * stand for any of their kind, or for null too with a question mark: `<text?>`. A key with a question mark may be absent,
 * and the one entry of a list stands for each.
 */
export type PrintedPages = Readonly<Record<string, unknown>>

const SAMPLES: Readonly<Record<string, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string',
  'whole number': (value) => Number.isInteger(value),
  number: (value) => typeof value === 'number',
  'true or false': (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  anything: () => true,
  uuid: (value) => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value),
  link: (value) => typeof value === 'string' && /^https?:\/\/\S+$/.test(value),
  'ISO 8601': (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value),
  'epoch seconds': (value) => Number.isInteger(value) && (value as number) > 1e9 && (value as number) < 1e11,
  'epoch milliseconds': (value) => Number.isInteger(value) && (value as number) > 1e12,
}
const SAMPLE = /^<([^>?]+)(\??)>$/

export interface Difference {
  readonly key: string
  readonly difference: Deviation['difference']
  readonly sent?: unknown
}

/** Where what was sent is not what is printed: keys, types and literal values, at every depth. */
export function differencesOf(printed: unknown, sent: unknown, path = ''): Difference[] {
  const value: readonly Difference[] = [{ key: path, difference: 'value', sent }]
  if (typeof printed === 'string') return fits(printed, sent) ? [] : [...value]
  if (Array.isArray(printed)) {
    // A list without entries would show nothing.
    if (!Array.isArray(sent) || sent.length === 0) return [...value]
    return sent.flatMap((entry) => differencesOf(printed[0], entry, `${path}[]`))
  }
  if (typeof printed !== 'object' || printed === null) return printed === sent ? [] : [...value]
  if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) return [...value]
  return differencesOfKeys(printed as Record<string, unknown>, sent as Record<string, unknown>, path)
}

function differencesOfKeys(
  printed: Record<string, unknown>,
  sent: Record<string, unknown>,
  path: string,
): Difference[] {
  const at = (key: string) => (path === '' ? key : `${path}.${key}`)
  const named = new Map(Object.entries(printed).map(([key, value]) => [key.replace(/\?$/, ''), { key, value }]))
  const ofPrinted = [...named].flatMap(([name, { key, value }]): Difference[] => {
    if (name in sent) return differencesOf(value, sent[name], at(name))
    return key.endsWith('?') ? [] : [{ key: at(name), difference: 'missing' }]
  })
  const added = Object.keys(sent).filter((key) => !named.has(key))
  return [...ofPrinted, ...added.map((key): Difference => ({ key: at(key), difference: 'added', sent: sent[key] }))]
}

function fits(printed: string, sent: unknown): boolean {
  const [, kind, orNull] = SAMPLE.exec(printed) ?? []
  if (kind === undefined) return sent === printed
  const holds = SAMPLES[kind]
  if (holds === undefined) throw new Error(`${printed} is no sample`)
  return (sent === null && orNull === '?') || holds(sent)
}

/**
 * The pages in `src/dialects/<folder>/fixtures/pages.json`, held against what is sent. Whatever differs must stand in the
 * section `heading` of docs/reference/deviations.md, and what stands there must differ.
 */
export function printedPages(folder: string, heading: string) {
  const file = new URL(`../src/dialects/${folder}/fixtures/pages.json`, import.meta.url)
  const pages = JSON.parse(fs.readFileSync(file, 'utf8')) as PrintedPages
  const listed = readDeviations(heading).filter(({ answer }) => answer in pages)
  const compared = new Set<string>()
  const used = new Set<Deviation>()
  return {
    /** Compares one answer, or one that was posted. Throws for one that has no page. */
    expectPrinted(answer: string, sent: unknown): void {
      if (!(answer in pages)) throw new Error(`${file.pathname} has no ${answer}`)
      compared.add(answer)
      const unlisted = differencesOf(pages[answer], sent).filter(({ key, difference, sent: value }) => {
        const found = listed.find(
          (each) => each.answer === answer && each.key === key && each.difference === difference,
        )
        if (found !== undefined) used.add(found)
        if (found?.sent !== undefined) expect(JSON.stringify(value), key).toMatch(new RegExp(found.sent))
        return found === undefined
      })
      expect(unlisted, answer).toEqual([])
    },
    /** Pages that nothing was held against, and deviations that do not hold. */
    left(): { pages: string[]; deviations: Deviation[] } {
      return {
        pages: Object.keys(pages).filter((answer) => !compared.has(answer)),
        deviations: listed.filter((entry) => !used.has(entry)),
      }
    },
  }
}
