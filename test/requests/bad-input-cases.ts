import { dialects } from '../../src/dialects/registry.ts'
import type { DialectFacts } from '../dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'
import type { RequestWorld } from './request-world.ts'
import { SITES, type Site, type Slot, UPLOADS } from './sites.ts'

/** What one wire format answers; a number is a status, and a refusal stores nothing. */
export interface Verdict {
  readonly status: number
  /** A header that names what was left out. */
  readonly ignored?: string
  /** What of a file became recipients, and how many rows did not. */
  readonly rows?: { readonly taken: number; readonly rejected: number }
  /** How many recipients end so at the import. */
  readonly outcomes?: Readonly<Record<string, number>>
  /** The words of the refusal, the same in every wire format. */
  readonly says?: RegExp
  /** The product's code, where the wire format has codes of the product. */
  readonly code?: string
  /** The field that the refusal names. */
  readonly names?: string
  /** What is stored of the name of the list, or of the first person's variables, and comes back letter by letter. */
  readonly kept?: { readonly slot: Slot; readonly value: unknown }
}
type Expected = number | Verdict | Readonly<Partial<Record<DialectName | 'else', number | Verdict>>>

export interface RawRequest {
  readonly method: string
  readonly path: string
  readonly body?: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface Case {
  readonly dialect: DialectName
  readonly what: string
  readonly request: (world: RequestWorld) => RawRequest
  readonly verdict: Verdict
}

/** A test that stands elsewhere, by its file and a part of its text. */
export interface Elsewhere {
  readonly file: string
  readonly text: string
}

export interface Entry {
  readonly id: number
  readonly cases?: readonly Case[]
  readonly elsewhere?: readonly Elsewhere[]
  /** Why it cannot happen here. */
  readonly never?: string
}

export const TAKEN = 299
const JSON_TYPE = { 'content-type': 'application/json' }

function verdictFor(expected: Expected, dialect: DialectName): Verdict | undefined {
  const own = isForAll(expected) ? expected : (expected[dialect] ?? expected.else)
  if (own === undefined) return undefined
  const verdict = typeof own === 'number' ? { status: own } : own
  return { ...verdict, status: inTheirWay(verdict.status, dialect) }
}

function isForAll(expected: Expected): expected is number | Verdict {
  return typeof expected === 'number' || 'status' in expected
}

/** A wire format may have a status of its own for what is 400 everywhere else. */
function inTheirWay(status: number, dialect: DialectName): number {
  const facts: DialectFacts = DIALECT_FACTS[dialect]
  return status === 400 ? (facts.badRequestStatus ?? status) : status
}

/** The body's text bent, in every wire format that takes JSON. */
export function text(
  what: string,
  bend: (good: string, dialect: DialectName) => string | Buffer,
  expected: Expected,
  headers: Record<string, string> = {},
): Case[] {
  return SITES.flatMap((site) => {
    const verdict = verdictFor(expected, site.dialect)
    if (verdict === undefined) return []
    const request = (world: RequestWorld): RawRequest => ({
      method: 'POST',
      path: site.path(world),
      body: bend(JSON.stringify(site.good(world)), site.dialect),
      headers: { ...JSON_TYPE, ...headers },
    })
    return [{ dialect: site.dialect, what, request, verdict }]
  })
}

/** The most bytes of a JSON body that a wire format takes. */
export function bodyLimitOf(dialect: DialectName): number {
  return dialects.find(({ name }) => name === dialect)!.bodyLimitBytes
}

/** One field has each of these values, in every wire format that has the field, and a refusal names it. */
export function field(slot: Slot, values: readonly unknown[], expected: Expected): Case[] {
  return values.flatMap((value) =>
    SITES.flatMap((site) => fieldCase(site, slot, value, verdictFor(expected, site.dialect))),
  )
}

function fieldCase(site: Site, slot: Slot, value: unknown, verdict: Verdict | undefined): Case[] {
  const put = site.put[slot]
  if (put === undefined || verdict === undefined) return []
  const request = (world: RequestWorld): RawRequest => {
    const body = site.good(world)
    put(body, value)
    return { method: 'POST', path: site.path(world), body: JSON.stringify(body), headers: JSON_TYPE }
  }
  const what = `${slot} ${(JSON.stringify(value) ?? 'nothing').slice(0, 60)}`
  return [{ dialect: site.dialect, what, request, verdict: { ...aboutField(site, slot, value, verdict), ...verdict } }]
}

/** A refusal names the field; what is taken of a text is kept as it was sent. */
function aboutField(site: Site, slot: Slot, value: unknown, { status }: Verdict): Partial<Verdict> {
  const name = site.names[slot]
  if (status === inTheirWay(400, site.dialect) && name !== undefined) return { names: name }
  return status === TAKEN && (slot === 'name' || slot === 'variables') ? { kept: { slot, value } } : {}
}

/** A list of people with these numbers, in every wire format that takes lists. */
export function people(what: string, numbers: readonly string[], expected: Expected): Case[] {
  return SITES.flatMap((site) => {
    const { person, put } = site
    const verdict = verdictFor(expected, site.dialect)
    if (person === undefined || put.list === undefined || verdict === undefined) return []
    const request = (world: RequestWorld): RawRequest => {
      const body = site.good(world)
      put.list!(
        body,
        numbers.map((to) => person(to, world)),
      )
      return { method: 'POST', path: site.path(world), body: JSON.stringify(body), headers: JSON_TYPE }
    }
    const names = verdict.status === inTheirWay(400, site.dialect) ? { names: site.names.list! } : {}
    return [{ dialect: site.dialect, what, request, verdict: { ...names, ...verdict } }]
  })
}

interface FormShape {
  readonly fields?: Readonly<Record<string, string>>
  readonly boundary?: string
  readonly contentType?: string
  readonly fileName?: string
  /** Instead of one file after the fields. */
  readonly parts?: (agent: string, file: string) => string[]
  readonly end?: string
}

const BOUNDARY = 'a-boundary-of-a-test'
export const filePart = (content: string, fileName = 'list.csv') =>
  `Content-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/csv\r\n\r\n${content}`
export const fieldPart = (name: string, value: string) =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`

/** A file in every wire format that takes one. */
export function file(what: string, content: string | Buffer, expected: Expected, shape: FormShape = {}): Case[] {
  // One character a byte, so that any bytes can stand in a form.
  const latin = typeof content === 'string' ? Buffer.from(content).toString('latin1') : content.toString('latin1')
  return UPLOADS.flatMap(({ dialect, path, agentField }) => {
    const verdict = verdictFor(expected, dialect)
    if (verdict === undefined) return []
    const request = ({ agent }: RequestWorld): RawRequest => {
      const fields = Object.entries(shape.fields ?? {}).map(([name, value]) => fieldPart(name, value))
      const parts = shape.parts?.(fieldPart(agentField, agent), filePart(latin)) ?? [
        fieldPart(agentField, agent),
        ...fields,
        filePart(latin, shape.fileName),
      ]
      const body = parts.map((part) => `--${BOUNDARY}\r\n${part}\r\n`).join('') + (shape.end ?? `--${BOUNDARY}--\r\n`)
      return {
        method: 'POST',
        path,
        body: Buffer.from(body, 'latin1'),
        headers: { 'content-type': shape.contentType ?? `multipart/form-data; boundary=${BOUNDARY}` },
      }
    }
    return [{ dialect, what, request, verdict }]
  })
}

export function get(
  dialect: DialectName,
  path: (world: RequestWorld) => string,
  status: number,
  headers: Record<string, string> = {},
): Case {
  return {
    dialect,
    what: 'GET',
    request: (world) => ({ method: 'GET', path: path(world), headers }),
    verdict: { status },
  }
}

const FEATURES = 'test/features'
export const at = (place: string, words: string): Elsewhere => ({
  file: place.includes('/') ? place : `${FEATURES}/${place}`,
  text: words,
})
export const GOOD = 'phone_number,first_name\n+12125550100,Ada\n'
export const rows = (taken: number, rejected = 0): Expected => ({
  native: { status: TAKEN, rows: { taken, rejected } },
  trillet: { status: TAKEN, rows: { taken, rejected } },
})
/** What is no CSV by its content: its own status in the native form, a fault of the file where a product documents none. */
export const NO_CSV: Expected = { native: 415, trillet: 400 }
export const MIB = 1_048_576
export const unknown = (good: string) => good.replace('{', '{"organization_id":7,"status_of":"completed",')
export const IGNORED: Verdict = { status: TAKEN, ignored: 'organization_id, status_of' }
/** Refusals that every wire format words in the same way. */
export const NO_JSON: Verdict = { status: 400, code: 'malformed-body', says: /The body is not valid JSON/ }
export const NO_OBJECT: Verdict = {
  status: 400,
  code: 'invalid-input',
  says: /The body (is missing|must be an object)/,
}
export const TOO_LARGE: Verdict = { status: 413, code: 'body-too-large', says: /larger than this address takes/ }
export const NO_TYPE: Verdict = { status: 415, code: 'unsupported-media-type', says: /bodies of this content type/ }
const DAY_MS = 86_400_000
export const ahead = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString()
