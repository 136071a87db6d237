import type { IncomingHttpHeaders } from 'node:http'
import type { ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { dialects } from '../../src/dialects/registry.ts'
import type { DialectName } from '../../test/dialect-facts/registry.ts'
import type { Document, Operation, RawOperation } from './document.ts'

export interface JudgedRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface JudgedAnswer {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

/** The one refusal above 499 that is no fault: a call that this server does not place itself cannot be joined. */
const NOT_PLACED_HERE = 501

/** Holds answers to the documents that promise them. */
export class Judge {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  readonly #validators = new Map<string, ValidateFunction>()
  readonly #documents: ReadonlyMap<DialectName, Document>

  constructor(documents: readonly Document[]) {
    addFormats.default(this.#ajv)
    this.#documents = new Map(documents.map((document) => [document.dialect, document]))
    for (const { dialect, json } of documents) this.#ajv.addSchema(json, dialect)
  }

  /** What is wrong with an answer, or null. `path` without the query. */
  problemOf(request: JudgedRequest, answer: JudgedAnswer): string | null {
    const { status, text } = answer
    if (status >= 500 && status !== NOT_PLACED_HERE) return `answered ${status}: ${text.slice(0, 300)}`
    if (/node_modules|\bat \w+ \(|SELECT |carillon\.\w+_pkey/.test(text))
      return `tells of its inside: ${text.slice(0, 300)}`
    // What a HEAD would be answered is never sent.
    if (request.method === 'HEAD') return null
    if (status === 204) return text === '' ? null : 'has a body'
    const place = this.#schemaOf(request, answer)
    if (typeof place === 'string') return place
    if (place === null) return null
    return this.#mismatch(place.pointer, text)
  }

  #mismatch(pointer: string, text: string): string | null {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return `is no JSON: ${text.slice(0, 300)}`
    }
    let validate = this.#validators.get(pointer)
    if (validate === undefined) {
      validate = this.#ajv.compile({ $ref: pointer })
      this.#validators.set(pointer, validate)
    }
    if (validate(value)) return null
    const errors = (validate.errors ?? []).slice(0, 5).map(({ instancePath, message }) => `${instancePath} ${message}`)
    return `breaks its schema ${pointer}: ${errors.join('; ')}: ${text.slice(0, 500)}`
  }

  /** The operation that a request asks for, if there is one. */
  operationOf({ method, path, headers }: JudgedRequest): Operation | undefined {
    const fitting = this.#ownerOf(path, headers).operations.filter(
      (operation) => operation.method === method && operation.pattern.test(path),
    )
    // A path that is written out comes before one with a parameter.
    return fitting.find((operation) => operation.path === path) ?? fitting[0]
  }

  #ownerOf(path: string, headers: IncomingHttpHeaders): Document {
    const owner = dialects.find((dialect) => dialect.owns(path, headers)) ?? dialects[0]
    return this.#documents.get(owner.name as DialectName)!
  }

  /** Where the schema of the answer stands; null: the answer is no JSON and is promised to be none; a text: what is wrong. */
  #schemaOf(request: JudgedRequest, { status, contentType }: JudgedAnswer): { pointer: string } | null | string {
    const document = this.#ownerOf(request.path, request.headers)
    // A path or a method that no operation has is refused in the form of any other refusal.
    const operation = this.operationOf(request) ?? document.operations.find(({ method }) => method === 'GET')!
    const raw = document.json.paths[operation.path]![operation.method.toLowerCase()]!
    const keys = [String(status), `${Math.floor(status / 100)}XX`, 'default']
    const key = keys.find((each) => raw.responses[each] !== undefined)
    if (key === undefined) return `${request.method} ${operation.path} documents no ${status}`
    return pointerTo(document.dialect, operation, raw, { key, contentType })
  }
}

function pointerTo(
  dialect: string,
  operation: { path: string; method: string },
  raw: RawOperation,
  { key, contentType }: { key: string; contentType: string },
): { pointer: string } | null | string {
  const content = raw.responses[key]!.content ?? {}
  const type = contentType.split(';')[0]!.trim()
  const media = content[type]
  if (media === undefined) {
    // A refusal in text is what an older version of a wire format expects.
    if (type === 'text/plain' && dialect === 'cartesia') return null
    return `${operation.method} ${operation.path} documents no ${type} for ${key}`
  }
  if (media.schema === undefined || !/json$/.test(type)) return null
  const steps = ['paths', operation.path, operation.method.toLowerCase(), 'responses', key, 'content', type, 'schema']
  return { pointer: `${dialect}#/${steps.map(escaped).join('/')}` }
}

function escaped(step: string): string {
  return encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))
}
