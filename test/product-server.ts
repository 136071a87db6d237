import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { type ServerParts, startServer } from '../src/main.ts'
import { openConnection } from '../src/store/database.ts'
import { createTestDatabase } from './database.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
export type Body = any

export interface Reply {
  readonly status: number
  /** Null for an answer without JSON. */
  readonly body: Body
  readonly headers: Headers
  readonly text: string
}

export type Send = (method: string, address: string, body?: unknown, headers?: Record<string, string>) => Promise<Reply>

const GIVE_UP_AFTER_MS = 60_000

/**
 * The whole product on a database of its own. `env` is the environment beside the address of the database, and `headers`
 * are those with which the organization's key is shown to the native API.
 */
export async function startProduct(options: {
  env: object
  headers: Record<string, string>
  parts?: ServerParts | undefined
}) {
  const database = await createTestDatabase()
  // Tests ask again and again without a pause, faster than a client may by default.
  const rate = { CARILLON_KEY_REQUESTS_PER_SECOND: '0' }
  const environment = { DATABASE_URL: database.connectionString, PORT: '0', ...rate, ...options.env }
  const log = createLogger({ level: process.env.TEST_LOG ?? 'silent' })
  const product = await startServer(loadConfig(environment), log, options.parts)

  const send = sender(() => product.url)
  const native: Send = (method, address, body) => send(method, `/carillon/v1${address}`, body, options.headers)
  await must(native('PATCH', `/trunks/${product.first.trunkId}`, { settings: { speed: 1_000 }, callsPerSecond: 1_000 }))

  return {
    ...product,
    send,
    native,
    databaseUrl: database.connectionString,
    /** Looks at what is stored. */
    async sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
      const client = await openConnection(database.connectionString, 'carillon-tests')
      try {
        return (await client.query(text, values)).rows
      } finally {
        await client.end()
      }
    },
    async close() {
      await product.stop()
      await database.drop()
    },
  }
}

/** Asks a server. A text is sent as it is, anything else as JSON. A header that is empty is not sent. */
export function sender(baseUrl: () => string): Send {
  return async (method, address, body, headers = {}) => {
    const url = address.startsWith('http') ? address : `${baseUrl()}${address}`
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = Object.fromEntries(Object.entries({ ...type, ...headers }).filter(([, value]) => value !== ''))
    const answer = await fetch(url, { method, headers: sent, ...payload })
    return replyOf(answer)
  }
}

export async function replyOf(answer: Response): Promise<Reply> {
  const text = await answer.text()
  const isJson = text !== '' && answer.headers.get('content-type')?.includes('json') === true
  return { status: answer.status, body: isJson ? JSON.parse(text) : null, headers: answer.headers, text }
}

/** The answer's body. Throws for a refusal. */
export async function must(reply: Promise<Reply>): Promise<Body> {
  const { status, body } = await reply
  if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}

/** Asks again and again until `holds`, and returns what was asked for then; the product works in between. */
export async function askUntil(ask: () => Promise<Body>, holds: (thing: Body) => boolean): Promise<Body> {
  const giveUpAt = performance.now() + GIVE_UP_AFTER_MS
  for (;;) {
    const thing = await ask()
    if (holds(thing)) return thing
    if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(thing)}`)
  }
}
