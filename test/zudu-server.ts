import type { ServerParts } from '../src/main.ts'
import { askUntil, type Body, must, type Send, startProduct } from './product-server.ts'

export type { Reply } from './product-server.ts'

/** A pair as a client of the product has one. */
export const API_KEY = 'sk_0123456789abcdef0123456789abcdef'
export const API_SECRET = 's3cr3t_0123456789abcdef0123456789abcdef01234567'
/** The caller's number and the agent that the product's pages print. */
export const CALLER = '+14157774444'
export const AGENT = 'agent_7ff47846-c8a0-4304-ae13-88cfc31c1a03'
const OPERATOR_KEY = 'operator-key-of-the-tests-0123456789'
/** The id under which the owner knew the organization. */
export const ORGANIZATION = 'e3yn0c4mivqs8y4yhb5k'

export type ZuduServer = Awaited<ReturnType<typeof startZuduServer>>

/**
 * The whole product on a database of its own, as somebody has it who moved over: the pair, the number, the agent and the
 * organization keep the names they had. The trunk is a fast loopback one.
 */
export async function startZuduServer(options: { settings?: object; parts?: ServerParts; env?: object } = {}) {
  const pair = { 'x-api-key': API_KEY, 'x-api-secret': API_SECRET }
  const product = await startProduct({
    env: {
      CARILLON_BOOTSTRAP_API_KEY: API_KEY,
      CARILLON_BOOTSTRAP_API_SECRET: API_SECRET,
      CARILLON_OPERATOR_API_KEY: OPERATOR_KEY,
      ...options.env,
    },
    headers: pair,
    parts: options.parts,
  })
  const { native, send } = product
  /** Asks as a client of the product does. */
  const ask: Send = (method, address, body, headers = {}) => send(method, address, body, { ...pair, ...headers })

  const { trunkId, organizationId } = product.first
  if (options.settings !== undefined) {
    await must(native('PATCH', `/trunks/${trunkId}`, { settings: { speed: 1_000, ...options.settings } }))
  }
  await must(native('POST', '/numbers', { number: CALLER, trunkId }))
  const made = await must(
    native('POST', '/agents', {
      name: 'caller',
      kind: 'announcement',
      settings: { text: 'Hello {{first_name}}' },
      aliases: [AGENT],
    }),
  )
  const alias = `/carillon/v1/organizations/${organizationId}/aliases/${ORGANIZATION}`
  await must(send('PUT', alias, undefined, { authorization: `Bearer ${OPERATOR_KEY}` }))

  /** Asks for a batch call again and again until `holds`; the product works in between. */
  const until = (id: string, holds: (batch: Body) => boolean): Promise<Body> =>
    askUntil(async () => (await ask('GET', `/batch-call/${id}`)).body.data, holds)

  return { ...product, agentUuid: made.id as string, ask, until }
}

/** A task whose number's last two digits tell the simulated network what becomes of it. */
export function taskTo(ending: string, rest: object = {}) {
  return { to_number: `+141555501${ending}`, ...rest }
}

/** A request with one task; what is undefined is left out. */
export function batchRequest(rest: object = {}) {
  return { from_number: CALLER, tasks: [taskTo('10')], agent_id: AGENT, name: 'Q1', ...rest }
}
