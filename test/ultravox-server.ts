import type { ServerParts } from '../src/main.ts'
import { askUntil, type Body, must, type Send, startProduct } from './product-server.ts'

export type { Reply } from './product-server.ts'

/** A key as a client of the product may have one. */
export const API_KEY = 'AbCd1234.0123456789abcdef0123456789abcdef'
/** The number of the first organization. */
export const CALLER = '+15005550100'

export type UltravoxServer = Awaited<ReturnType<typeof startUltravoxServer>>

/**
 * The whole product on a database of its own: a fast loopback trunk that stands for every kind of medium which dials,
 * and an agent that was made in this wire format and bound to an announcement.
 */
export async function startUltravoxServer(options: { settings?: object; parts?: ServerParts; env?: object } = {}) {
  const product = await startProduct({
    env: { CARILLON_BOOTSTRAP_API_KEY: API_KEY, ...options.env },
    headers: { authorization: `Bearer ${API_KEY}` },
    parts: options.parts,
  })
  const { native, send } = product
  /** Asks as a client of the product does. */
  const ask: Send = (method, address, body, headers = {}) =>
    send(method, address, body, { 'x-api-key': API_KEY, ...headers })

  const trunk = `/trunks/${product.first.trunkId}`
  if (options.settings !== undefined) {
    await must(native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings } }))
  }
  for (const medium of ['twilio', 'telnyx', 'plivo', 'sip']) await must(native('PUT', `${trunk}/aliases/${medium}`))
  const agentId = (await must(ask('POST', '/api/agents', { name: 'caller' }))).agentId as string
  await must(native('PATCH', `/agents/${agentId}`, { kind: 'announcement', settings: { text: 'Hello {{name}}' } }))
  const batches = `/api/agents/${agentId}/scheduled_batches`

  /** Asks for a batch again and again until `holds`; the product works in between. */
  const until = (batchId: string, holds: (batch: Body) => boolean): Promise<Body> =>
    askUntil(async () => (await ask('GET', `${batches}/${batchId}`)).body, holds)

  return { ...product, agentId, batches, ask, until }
}

/** A call over twilio to a number whose last two digits tell the simulated network what becomes of it. */
export function callTo(ending: string, rest: object = {}) {
  return { medium: { twilio: { outgoing: { to: `+141555501${ending}`, from: CALLER } } }, ...rest }
}
