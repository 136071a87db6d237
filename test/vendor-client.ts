import type { VendorSchemas } from './vendor-schemas.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: object
}

type Content = Readonly<Record<string, { readonly schema: object }>>

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
  readonly security?: readonly Readonly<Record<string, unknown>>[]
}

interface FoundOperation {
  readonly schemas: VendorSchemas
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

export interface Sent {
  /** Of the path, the query and the headers alike, by the name that the schema gives them. */
  readonly parameters?: Readonly<Record<string, string | number>>
  readonly body?: unknown
}

const JSON_TYPE = 'application/json'

/**
 * A client made from a vendor's own schema when it runs: operations by their ids, with addresses, parameters, bodies and
 * credentials as the schema has them. Whatever the schema does not allow is not sent, and an answer that it does not
 * describe is a failure: a status that is not named, or a body that does not fit.
 *
 * Libraries that make clients at run time build addresses, and look at neither what is sent nor what comes back.
 */
export class VendorClient {
  readonly #operations = new Map<string, FoundOperation>()
  readonly #baseUrl: string
  readonly #credential: string
  /** Those that were asked for. */
  readonly used = new Set<string>()

  constructor(schemas: readonly VendorSchemas[], { baseUrl, credential }: { baseUrl: string; credential: string }) {
    this.#baseUrl = baseUrl
    this.#credential = credential
    for (const each of schemas) {
      for (const [path, methods] of Object.entries(each.document.paths)) {
        for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
          this.#operations.set(operation.operationId, { schemas: each, method: method.toUpperCase(), path, operation })
        }
      }
    }
  }

  get operationIds(): readonly string[] {
    return [...this.#operations.keys()]
  }

  /** The body of the answer; null where there is none. @throws Error that names all that does not fit. */
  async call(operationId: string, sent: Sent = {}): Promise<Body> {
    const { status, body } = await this.ask(operationId, sent)
    if (status >= 300) throw new Error(`${operationId}: ${status} ${JSON.stringify(body)}`)
    return body
  }

  /** The same, also for an answer that says no. */
  async ask(operationId: string, sent: Sent = {}): Promise<{ status: number; body: Body }> {
    const found = this.#operations.get(operationId)
    if (found === undefined) throw new Error(`The schema has no operation ${operationId}`)
    this.used.add(operationId)
    const { address, headers } = this.#write(found, sent)
    const answer = await fetch(`${this.#baseUrl}${address}`, {
      method: found.method,
      headers: {
        ...headers,
        ...this.#credentials(found),
        ...(sent.body === undefined ? {} : { 'content-type': JSON_TYPE }),
      },
      ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
    })
    const text = await answer.text()
    const body: Body = text === '' ? null : JSON.parse(text)
    refuse(operationId, problemsOfAnswer(found, answer.status, { body, type: answer.headers.get('content-type') }))
    return { status: answer.status, body }
  }

  #write({ schemas, path, operation }: FoundOperation, { parameters = {}, body }: Sent) {
    const problems: string[] = []
    const headers: Record<string, string> = {}
    const query = new URLSearchParams()
    const unknown = new Set(Object.keys(parameters))
    let address = path
    for (const { name, in: place, required, schema } of parametersOf(schemas, operation)) {
      const value = parameters[name]
      unknown.delete(name)
      if (value === undefined) {
        if (required) problems.push(`the parameter ${name} is missing`)
        continue
      }
      problems.push(...schemas.problemsIn(schema, value, 'request').map((problem) => `${name}${problem}`))
      if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(value))
      else if (place === 'query') query.set(name, String(value))
      else headers[name] = String(value)
    }
    for (const name of unknown) problems.push(`there is no parameter ${name}`)
    const wanted = operation.requestBody
    if (body === undefined && wanted?.required) problems.push('the body is missing')
    if (body !== undefined && wanted === undefined) problems.push('there is no body')
    if (body !== undefined && wanted !== undefined) {
      problems.push(...schemas.problemsIn(wanted.content[JSON_TYPE]!.schema, body, 'request'))
    }
    refuse(operation.operationId, problems)
    return { address: query.size === 0 ? address : `${address}?${query}`, headers }
  }

  #credentials({ schemas, operation }: FoundOperation): Record<string, string> {
    const name = Object.keys(operation.security?.[0] ?? {})[0]
    const scheme = name === undefined ? undefined : schemas.document.components.securitySchemes?.[name]
    if (scheme === undefined) return {}
    const { type, name: header } = scheme as { type: string; name?: string }
    return type === 'apiKey' ? { [header!]: this.#credential } : { authorization: `Bearer ${this.#credential}` }
  }
}

function parametersOf({ document }: VendorSchemas, { parameters = [] }: Operation): Parameter[] {
  return parameters.map((each) =>
    '$ref' in each ? (document.components.parameters?.[each.$ref.split('/').at(-1)!] as Parameter) : each,
  )
}

function problemsOfAnswer(
  { schemas, operation }: FoundOperation,
  status: number,
  { body, type }: { body: unknown; type: string | null },
): string[] {
  const described = operation.responses[status]
  if (described === undefined) return [`${status} is no answer of it: ${JSON.stringify(body)}`]
  const schema = described.content?.[JSON_TYPE]?.schema
  if (schema !== undefined) {
    const wrongType = type?.startsWith(JSON_TYPE) === true ? [] : [`the answer is ${type}`]
    return [...wrongType, ...schemas.problemsIn(schema, body, 'answer')]
  }
  return status < 300 && body !== null ? [`${status} has no body`] : []
}

function refuse(operationId: string, problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`${operationId}: ${problems.join('; ')}`)
}
