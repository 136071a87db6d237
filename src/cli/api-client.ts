import { randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { CliError } from './cli-error.ts'
import { harmless } from './terminal.ts'

const API_PATH = '/carillon/v1'
const ANSWER_TIMEOUT_MS = 30_000
const UPLOAD_TIMEOUT_MS = 15 * 60_000
const UPLOAD_ATTEMPTS = 3
const UPLOAD_PAUSE_MS = 500
const DETAILS_SHOWN = 10
/** Nothing came back, or a gateway in front of the server answered that the server does not. */
const GATEWAY_STATUSES = new Set([502, 503, 504])

/** The server refused, in its own words. */
export class ApiError extends CliError {
  override readonly name = 'ApiError'
  readonly status: number
  readonly code: string

  constructor(status: number, body: ApiFailure) {
    const details = (body.details ?? []).filter(({ message }) => message !== body.message)
    const shown = details
      .slice(0, DETAILS_SHOWN)
      .map((detail) => harmless([detail.field, detail.message].filter(Boolean).join(': ')))
    const more = details.length - shown.length
    super(harmless(body.message), {
      ...(body.remedy === undefined ? {} : { remedy: harmless(body.remedy) }),
      details: more > 0 ? [...shown, `and ${more} more`] : shown,
    })
    this.status = status
    this.code = body.code
  }
}

/** The server was not reached, or did not answer in time. What was asked may have been done all the same. */
export class UnreachableError extends CliError {
  override readonly name = 'UnreachableError'
}

interface ApiFailure {
  readonly code: string
  readonly message: string
  readonly remedy?: string | undefined
  readonly details?: readonly { readonly field?: string; readonly message?: string }[] | undefined
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor?: string | null
}

/** Speaks the native API of one server with one key. Paths are those below `/carillon/v1`. */
export class ApiClient {
  readonly url: string
  readonly #key: string

  constructor(connection: { readonly url: string; readonly key: string }) {
    this.url = connection.url
    this.#key = connection.key
  }

  get<T>(apiPath: string, query: Query = {}): Promise<T> {
    return this.#json<T>('GET', apiPath + queryText(query))
  }

  /** `timeoutMs` is for what takes its time, such as a call. */
  post<T>(apiPath: string, body: unknown = {}, { timeoutMs = ANSWER_TIMEOUT_MS } = {}): Promise<T> {
    return this.#json<T>('POST', apiPath, { ...jsonRequest(body), timeoutMs })
  }

  patch<T>(apiPath: string, body: unknown): Promise<T> {
    return this.#json<T>('PATCH', apiPath, jsonRequest(body))
  }

  delete<T>(apiPath: string): Promise<T> {
    return this.#json<T>('DELETE', apiPath)
  }

  /**
   * Sends a file with fields, as a form does. When no answer comes the very same bytes are sent again under the same
   * idempotency key, so that a list whose answer got lost is not stored, and nobody called, twice.
   */
  async upload<T>(apiPath: string, file: string, fields: Fields = {}): Promise<T> {
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.append(name, String(value))
    form.append('file', await fileOf(file), path.basename(file))
    const encoded = new Response(form)
    const headers = {
      'content-type': encoded.headers.get('content-type') ?? 'multipart/form-data',
      'idempotency-key': randomUUID(),
    }
    const body = await encoded.blob()
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#json<T>('POST', apiPath, { headers, body, timeoutMs: UPLOAD_TIMEOUT_MS })
      } catch (error) {
        if (!(error instanceof UnreachableError) || attempt === UPLOAD_ATTEMPTS) throw error
        await pause(attempt * UPLOAD_PAUSE_MS)
      }
    }
  }

  /** Everything of a list, page by page. */
  async list<Item>(apiPath: string, query: Query = {}): Promise<Item[]> {
    const items: Item[] = []
    let cursor: string | undefined
    do {
      const page: Page<Item> = await this.get(apiPath, { ...query, cursor })
      items.push(...page.items)
      cursor = page.nextCursor ?? undefined
    } while (cursor !== undefined)
    return items
  }

  /** The answer as it arrives, for files. */
  async download(apiPath: string): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send('GET', apiPath, {})
    if (!response.ok) throw await failureOf(response)
    if (response.body === null) throw new CliError('The server answered without a file.')
    return response.body as unknown as AsyncIterable<Uint8Array>
  }

  async #json<T>(method: string, apiPath: string, request: RequestParts = {}): Promise<T> {
    const response = await this.#send(method, apiPath, { timeoutMs: ANSWER_TIMEOUT_MS, ...request })
    if (!response.ok) throw await failureOf(response)
    if (response.status === 204) return undefined as T
    return (await response.json().catch(() => {
      throw new CliError(`${this.url} answered something else than JSON.`, {
        remedy: 'Compare --url or CARILLON_URL with the address that `carillon start` prints.',
      })
    })) as T
  }

  async #send(method: string, apiPath: string, request: RequestParts): Promise<Response> {
    const { timeoutMs, headers, body } = request
    try {
      return await fetch(this.url + API_PATH + apiPath, {
        method,
        headers: { accept: 'application/json', authorization: `Bearer ${this.#key}`, ...headers },
        redirect: 'error',
        ...(body === undefined ? {} : { body }),
        ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
      })
    } catch (error) {
      throw this.#unreachable(error)
    }
  }

  #unreachable(error: unknown): UnreachableError {
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new UnreachableError(`${this.url} did not answer in time.`, { remedy: 'Look at the log of the server.' })
    }
    const cause = (error as { cause?: { code?: string; message?: string } }).cause
    const reason = cause?.code ?? cause?.message
    return new UnreachableError(`No Carillon answers at ${this.url}${reason === undefined ? '' : ` (${reason})`}.`, {
      remedy: 'Start it with `carillon start`, or give its address with --url or CARILLON_URL.',
    })
  }
}

interface RequestParts {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Blob
  readonly timeoutMs?: number
}

function jsonRequest(body: unknown): RequestParts {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? '' : `?${parameters}`
}

async function fileOf(file: string): Promise<Blob> {
  try {
    return await openAsBlob(file, { type: 'text/csv' })
  } catch {
    throw new CliError(`The file ${file} cannot be read.`, { remedy: 'Name a CSV file that exists and may be read.' })
  }
}

async function failureOf(response: Response): Promise<CliError> {
  const body: unknown = await response.json().catch(() => undefined)
  const found = typeof body === 'object' && body !== null && 'error' in body ? body.error : body
  if (isApiFailure(found)) return new ApiError(response.status, found)
  if (GATEWAY_STATUSES.has(response.status)) {
    return new UnreachableError(`The server answers ${response.status}.`, { remedy: 'Try again in a moment.' })
  }
  return new CliError(`The server answered ${response.status} ${response.statusText}`.trimEnd(), {
    remedy: 'Compare --url or CARILLON_URL with the address that `carillon start` prints.',
  })
}

function isApiFailure(value: unknown): value is ApiFailure {
  return typeof value === 'object' && value !== null && typeof (value as { message?: unknown }).message === 'string'
}
