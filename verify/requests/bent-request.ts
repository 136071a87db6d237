import type { DialectFacts } from '../../test/dialect-facts/dialect-facts.ts'
import { DIALECT_FACTS, type DialectName } from '../../test/dialect-facts/registry.ts'
import type { Random } from '../random.ts'
import { type Belongings, hintsOf, idFor } from './belongings.ts'
import type { Document, Operation } from './document.ts'
import { allowedValue, type Hints } from './generate.ts'
import { bentBytes, mutated } from './mutate.ts'
import { oddKey, oddText } from './odd-values.ts'

export interface BentRequest {
  readonly dialect: DialectName
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly payload: Buffer | undefined
}

interface Making {
  readonly random: Random
  readonly belongings: Belongings
  readonly document: Document
  readonly operation: Operation
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']
const TYPES = [
  'application/json',
  'application/json; charset=utf-16',
  'application/problem+json',
  'application/jsonx',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'multipart/form-data; boundary=""',
  '',
  ';',
  'application/json;;charset',
]
const BOUNDARY = 'a-boundary'
const FILES = [
  'phone_number,first_name\n+12125550100,Ada\n',
  'phone_number;first_name\r\n+12125550100;Ada\r\n',
  'phone_number,first_name\n+12125550100,"open\n',
  'phone_number,phone_number\n1,2\n',
  'phone_number,__proto__\n+12125550100,x\n',
  'phone_number\n12\nabc\n911\n',
  'name\nAda\n',
  '\u0000\u0000',
  '',
  'PK\u0003\u0004',
  '\ufeffphone_number\n+12125550100\n',
]

/** A request as the document allows it, or bent in one way or several. */
export function bentRequest(random: Random, documents: readonly Document[], belongings: Belongings): BentRequest {
  const document = documents[random.below(documents.length)]!
  const operations = document.operations.filter(({ isEndless }) => !isEndless)
  const operation = operations[random.below(operations.length)]!
  const making: Making = { random, belongings, document, operation }
  const method = random.below(30) === 0 ? METHODS[random.below(METHODS.length)]! : operation.method
  const headers = { ...keyOf(making), ...oddHeaders(random) }
  const { payload, type } = bodyOf(making)
  const bentType = random.below(25) === 0 ? TYPES[random.below(TYPES.length)]! : type
  return {
    dialect: operation.dialect,
    method,
    url: pathOf(making) + queryOf(making),
    headers: bentType === null ? headers : { ...headers, 'content-type': bentType },
    payload: method === 'GET' || method === 'HEAD' ? undefined : payload,
  }
}

function keyOf({ random, belongings, operation }: Making): Record<string, string> {
  const { token, readerToken, operatorToken, organization } = belongings
  const isOperators = operation.path.startsWith('/carillon/v1/organizations')
  switch (random.below(40)) {
    case 0:
      return {}
    case 1:
      return { authorization: `Bearer ${operatorToken}` }
    case 2:
      return {
        authorization: `Bearer ${operatorToken}`,
        'carillon-organization': idFor(belongings, 'organization', random),
      }
    case 3:
      return { ...DIALECT_FACTS[operation.dialect].keyHeaders(token, organization), authorization: 'Basic x' }
    case 4:
      return DIALECT_FACTS[operation.dialect].keyHeaders(readerToken, organization)
    default:
      return isOperators
        ? { authorization: `Bearer ${operatorToken}` }
        : DIALECT_FACTS[operation.dialect].keyHeaders(token, organization)
  }
}

function oddHeaders(random: Random): Record<string, string> {
  const printable = () =>
    oddText(random)
      .replace(/[^\x20-\x7e]/g, '?')
      .slice(0, 1_000)
  switch (random.below(12)) {
    case 0:
      return { 'idempotency-key': printable() }
    case 1:
      return { 'idempotency-key': `key-${random.below(500)}` }
    case 2:
      return { 'x-request-id': printable() }
    case 3:
      return { accept: printable() }
    case 4:
      return random.below(4) === 0 ? { 'cartesia-version': printable() } : { 'cartesia-version': '2026-03-01' }
    case 5:
      return random.below(3) === 0 ? { 'content-encoding': 'gzip' } : { 'x-forwarded-for': printable() }
    case 6:
      return random.below(3) === 0 ? { 'content-length': '5' } : { expect: '100-continue' }
    default:
      return {}
  }
}

function pathOf({ random, belongings, operation }: Making): string {
  const path = operation.path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const at = operation.path.slice(0, operation.path.indexOf(`{${name}}`))
    const meant = name === 'id' ? at : meaningOf(operation.dialect, name)
    const text = random.below(12) === 0 ? oddText(random).slice(0, 900) : idFor(belongings, meant, random)
    return random.below(100) === 0 ? text.replace(/[^\x21-\x7e]/g, '%') : safelyEncoded(text) || '-'
  })
  return random.below(60) === 0 ? path.replace(/[a-z]/, oddKey(random).replace(/[^\x21-\x7e]/g, '%ff')) : path
}

/** The name by which it is known what a name of a wire format stands for. */
function meaningOf(dialect: DialectName, name: string): string {
  const { meanings = {} }: DialectFacts = DIALECT_FACTS[dialect]
  return Object.hasOwn(meanings, name) ? meanings[name]! : name
}

function hintsFor({ belongings, operation }: Making): Hints {
  const hints = hintsOf(belongings)
  return (name, random) => hints(meaningOf(operation.dialect, name), random)
}

/** Half a surrogate pair has no encoding. */
function safelyEncoded(text: string): string {
  return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'))
}

function queryOf(making: Making): string {
  const { random, operation, document } = making
  const generator = { document, random, hints: hintsFor(making) }
  const pairs: string[] = []
  for (const { name, in: place, schema } of operation.parameters) {
    if (place !== 'query' || random.below(2) === 0) continue
    const value =
      random.below(6) === 0 ? oddText(random).slice(0, 900) : bentCursor(random, allowedValue(generator, schema, name))
    pairs.push(`${name}=${safelyEncoded(typeof value === 'object' ? JSON.stringify(value) : String(value))}`)
  }
  if (random.below(15) === 0)
    pairs.push(`${safelyEncoded(oddKey(random))}=${safelyEncoded(oddText(random).slice(0, 900))}`)
  if (random.below(40) === 0) pairs.push(...pairs, '%', '=&=', 'a[]=1')
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

/** Cursors are sealed: one that was changed by a character must be refused. */
function bentCursor(random: Random, value: unknown): unknown {
  if (typeof value !== 'string' || value.length < 20 || random.below(3) > 0) return value
  const at = random.below(value.length)
  return value.slice(0, at) + (value[at] === 'A' ? 'B' : 'A') + value.slice(at + 1)
}

function bodyOf(making: Making): { payload: Buffer | undefined; type: string | null } {
  const { random, operation, document } = making
  if (operation.body === null) {
    const odd = random.below(20) === 0
    return odd
      ? { payload: Buffer.from(oddText(random)), type: 'application/json' }
      : { payload: undefined, type: null }
  }
  const generator = { document, random, hints: hintsFor(making) }
  let value = allowedValue(generator, operation.body.schema)
  for (let times = random.below(4); times > 0; times--) value = mutated(random, value)
  if (operation.body.type.startsWith('multipart/')) return formOf(random, value)
  const text = JSON.stringify(value) ?? ''
  const payload = random.below(15) === 0 ? bentBytes(random, text) : Buffer.from(text)
  return { payload, type: operation.body.type }
}

function formOf(random: Random, value: unknown): { payload: Buffer; type: string } {
  const fields = typeof value === 'object' && value !== null ? Object.entries(value) : []
  const parts = fields
    .filter(([name]) => name !== 'file')
    .map(([name, field]) => partOf(`name="${name}"`, typeof field === 'string' ? field : (JSON.stringify(field) ?? '')))
  const file = partOf('name="file"; filename="list.csv"', FILES[random.below(FILES.length)]!)
  if (random.below(10) > 0) parts.splice(random.below(parts.length + 1), 0, file)
  const text = `${parts.join('')}--${BOUNDARY}--\r\n`
  const payload = random.below(10) === 0 ? bentBytes(random, text) : Buffer.from(text)
  return { payload, type: `multipart/form-data; boundary=${BOUNDARY}` }
}

function partOf(head: string, content: string): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; ${head}\r\n\r\n${content}\r\n`
}
