import { loadConfig } from '../src/config.ts'
import { createLogger } from '../src/logger.ts'
import { type ServerParts, startServer } from '../src/main.ts'
import { createTestDatabase } from './database.ts'

/** A pair as a client of the product has one. */
export const API_KEY = 'sk_0123456789abcdef0123456789abcdef'
export const API_SECRET = 's3cr3t_0123456789abcdef0123456789abcdef01234567'
/** The caller's number and the agent that the product's pages print. */
export const CALLER = '+14157774444'
export const AGENT = 'agent_7ff47846-c8a0-4304-ae13-88cfc31c1a03'
const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789'
/** The id under which the owner knew the organization. */
export const ORGANIZATION = 'e3yn0c4mivqs8y4yhb5k'

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
type Body = any

export interface Reply {
  readonly status: number
  readonly body: Body
  readonly headers: Headers
}

export type ZuduServer = Awaited<ReturnType<typeof startZuduServer>>

/**
 * The whole product on a database of its own, as somebody has it who moved over: the pair, the number, the agent and the
 * organization keep the names they had. The trunk is a fast loopback one.
 */
export async function startZuduServer(options: { settings?: object; parts?: ServerParts; env?: object } = {}) {
  const database = await createTestDatabase()
  const environment = {
    DATABASE_URL: database.connectionString,
    PORT: '0',
    CARILLON_BOOTSTRAP_API_KEY: API_KEY,
    CARILLON_BOOTSTRAP_API_SECRET: API_SECRET,
    CARILLON_OPERATOR_API_KEY: OPERATOR_KEY,
    ...options.env,
  }
  const log = createLogger({ level: process.env.TEST_LOG ?? 'silent' })
  const product = await startServer(loadConfig(environment), log, options.parts)
  const pair = { 'x-api-key': API_KEY, 'x-api-secret': API_SECRET }

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
    send({ ...pair, ...headers }, method, address, body)
  /** Asks the native API with the same pair. */
  const native = (method: string, address: string, body?: unknown) => send(pair, method, `/carillon/v1${address}`, body)
  const must = async (reply: Promise<Reply>) => {
    const { status, body } = await reply
    if (status >= 300) throw new Error(`${status} ${JSON.stringify(body)}`)
    return body
  }

  const trunk = `/trunks/${product.first.trunkId}`
  await must(native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings }, callsPerSecond: 1_000 }))
  await must(native('POST', '/numbers', { number: CALLER, trunkId: product.first.trunkId }))
  const made = await must(
    native('POST', '/agents', {
      name: 'caller',
      kind: 'announcement',
      settings: { text: 'Hello {{first_name}}' },
      aliases: [AGENT],
    }),
  )
  const operator = { authorization: `Bearer ${OPERATOR_KEY}` }
  await must(
    send(operator, 'PUT', `/carillon/v1/organizations/${product.first.organizationId}/aliases/${ORGANIZATION}`),
  )

  /** Asks for a batch call again and again until `holds`; the product works in between. */
  const until = async (id: string, holds: (batch: Body) => boolean): Promise<Body> => {
    const giveUpAt = performance.now() + 60_000
    for (;;) {
      const { body } = await ask('GET', `/batch-call/${id}`)
      if (holds(body.data)) return body.data
      if (performance.now() > giveUpAt) throw new Error(`never came: ${JSON.stringify(body)}`)
    }
  }

  return {
    ...product,
    agentUuid: made.id as string,
    ask,
    native,
    send,
    until,
    databaseUrl: database.connectionString,
    async close() {
      await product.stop()
      await database.drop()
    },
  }
}

/** A task whose number's last two digits tell the simulated network what becomes of it. */
export function taskTo(ending: string, rest: object = {}) {
  return { to_number: `+141555501${ending}`, ...rest }
}

/** A request with one task; what is undefined is left out. */
export function batchRequest(rest: object = {}) {
  return { from_number: CALLER, tasks: [taskTo('10')], agent_id: AGENT, name: 'Q1', ...rest }
}
