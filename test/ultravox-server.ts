import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { type ServerParts, startServer } from '../src/main.ts'
import { createTestDatabase } from './database.ts'

/** A key as a client of the product may have one. */
export const API_KEY = 'AbCd1234.0123456789abcdef0123456789abcdef'
/** The number of the first organization. */
export const CALLER = '+15005550100'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

export interface Reply {
  readonly status: number
  readonly body: Body
  readonly headers: Headers
}

export type UltravoxServer = Awaited<ReturnType<typeof startUltravoxServer>>

/**
 * The whole product on a database of its own: a fast loopback trunk that stands for every kind of medium which dials,
 * and an agent that was made in this wire format and bound to an announcement.
 */
export async function startUltravoxServer(options: { settings?: object; parts?: ServerParts; env?: object } = {}) {
  const database = await createTestDatabase()
  const environment = {
    DATABASE_URL: database.connectionString,
    PORT: '0',
    CARILLON_BOOTSTRAP_API_KEY: API_KEY,
    ...options.env,
  }
  const log = createLogger({ level: process.env.TEST_LOG ?? 'silent' })
  const product = await startServer(loadConfig(environment), log, options.parts)

  const send = async (headers: Record<string, string>, method: string, address: string, body?: unknown) => {
    const url = address.startsWith('http') ? address : `${product.url}${address}`
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(url, { method, headers: { ...type, ...headers }, ...payload })
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: answer.headers } as Reply
  }
  /** Asks as a client of the product does. */
  const ask = (method: string, address: string, body?: unknown, headers: Record<string, string> = {}) =>
    send({ 'x-api-key': API_KEY, ...headers }, method, address, body)
  /** Asks the native API, which binds agents and names trunks. */
  const native = (method: string, address: string, body?: unknown) =>
    send({ authorization: `Bearer ${API_KEY}` }, method, `/carillon/v1${address}`, body)

  const trunk = `/trunks/${product.first.trunkId}`
  await native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings }, callsPerSecond: 1_000 })
  for (const medium of ['twilio', 'telnyx', 'plivo', 'sip']) await native('PUT', `${trunk}/aliases/${medium}`)
  const agentId = (await ask('POST', '/api/agents', { name: 'caller' })).body.agentId as string
  await native('PATCH', `/agents/${agentId}`, { kind: 'announcement', settings: { text: 'Hello {{name}}' } })
  const batches = `/api/agents/${agentId}/scheduled_batches`

  /** Asks for a batch again and again until `holds`; the product works in between. */
  const until = async (batchId: string, holds: (batch: Body) => boolean): Promise<Body> => {
    const giveUpAt = performance.now() + 60_000
    for (;;) {
      const { body } = await ask('GET', `${batches}/${batchId}`)
      if (holds(body)) return body
      if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(body)}`)
    }
  }

  return {
    ...product,
    agentId,
    batches,
    ask,
    native,
    until,
    databaseUrl: database.connectionString,
    async close() {
      await product.stop()
      await database.drop()
    },
  }
}

/** A call over twilio to a number whose last two digits tell the simulated network what becomes of it. */
export function callTo(ending: string, rest: object = {}) {
  return { medium: { twilio: { outgoing: { to: `+141555501${ending}`, from: CALLER } } }, ...rest }
}
