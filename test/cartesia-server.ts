import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { startServer } from '../src/main.ts'
import { createTestDatabase } from './database.ts'

/** A key as a client of the product may have one. */
export const API_KEY = 'sk_car_0123456789abcdef0123456789'
/** Ids as the owner of an account has them. */
export const AGENT = 'agent_Fo7pKNBUwLZxrTd6jvhpaE'
export const NUMBER = 'ap_Q8PRh7lXyZsawXJmN2KcT5'
export const FIRST_VERSION = '2026-03-01'
export const LATER_VERSION = '2026-08-14'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

export interface Reply {
  readonly status: number
  readonly body: Body
  readonly headers: Headers
  readonly text: string
}

export type CartesiaServer = Awaited<ReturnType<typeof startCartesiaServer>>

/** The whole product on a database of its own with a fast loopback trunk, and an account that was brought along. */
export async function startCartesiaServer(options: { env?: object; settings?: object } = {}) {
  const database = await createTestDatabase()
  const environment = {
    DATABASE_URL: database.connectionString,
    PORT: '0',
    CARILLON_BOOTSTRAP_API_KEY: API_KEY,
    ...options.env,
  }
  const product = await startServer(loadConfig(environment), createLogger({ level: process.env.TEST_LOG ?? 'silent' }))

  const send = async (headers: Record<string, string>, method: string, address: string, body?: unknown) => {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const type: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${product.url}${address}`, { method, headers: { ...type, ...headers }, ...payload })
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json') === true
    return { status: answer.status, body: isJson ? JSON.parse(text) : null, headers: answer.headers, text } as Reply
  }
  /** Asks as a client of the product does; a header that is empty is not sent. */
  const ask = (method: string, address: string, body?: unknown, headers: Record<string, string> = {}) => {
    const all = { authorization: `Bearer ${API_KEY}`, 'cartesia-version': FIRST_VERSION, ...headers }
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
    return send(sent, method, address, body)
  }
  const native = (method: string, address: string, body?: unknown) =>
    send({ authorization: `Bearer ${API_KEY}` }, method, `/carillon/v1${address}`, body)

  const trunk = `/trunks/${product.first.trunkId}`
  const speedTo = (speed: number) => native('PATCH', trunk, { settings: { speed } })
  await native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings }, callsPerSecond: 1_000 })
  const numberId = (await native('GET', '/numbers')).body.items[0].id as string
  await native('PUT', `/agents/${product.first.agentId}/aliases/${AGENT}`)
  await native('PUT', `/numbers/${numberId}/aliases/${NUMBER}`)

  /** Asks for a batch with its recipients again and again until `holds`; the product works in between. */
  const until = async (address: string, holds: (thing: Body) => boolean): Promise<Body> => {
    const giveUpAt = performance.now() + 60_000
    for (;;) {
      const { body } = await ask('GET', address)
      if (holds(body)) return body
      if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(body)}`)
    }
  }

  return {
    ...product,
    ask,
    native,
    until,
    speedTo,
    numberId,
    async close() {
      await product.stop()
      await database.drop()
    },
  }
}

/** A number whose last two digits tell the simulated network what becomes of the call. */
export function numberEndingIn(ending: string): string {
  return `+141555504${ending}`
}

export function batchOf(endings: readonly string[], rest: object = {}) {
  const recipients = endings.map((ending) => ({ to_number: numberEndingIn(ending), metadata: { ending } }))
  return { name: 'spring', agent_id: AGENT, from_number_id: NUMBER, recipients, ...rest }
}
