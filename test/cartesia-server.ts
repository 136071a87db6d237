import { askUntil, type Body, must, type Send, startProduct } from './product-server.ts'

export type { Reply } from './product-server.ts'

/** A key as a client of the product may have one. */
export const API_KEY = 'sk_car_0123456789abcdef0123456789'
/** Ids as the owner of an account has them. */
export const AGENT = 'agent_Fo7pKNBUwLZxrTd6jvhpaE'
export const NUMBER = 'ap_Q8PRh7lXyZsawXJmN2KcT5'
export const FIRST_VERSION = '2026-03-01'
export const LATER_VERSION = '2026-08-14'

export type CartesiaServer = Awaited<ReturnType<typeof startCartesiaServer>>

/** The whole product on a database of its own with a fast loopback trunk, and an account that was brought along. */
export async function startCartesiaServer(options: { env?: object; settings?: object } = {}) {
  const bearer = { authorization: `Bearer ${API_KEY}` }
  const product = await startProduct({
    env: { CARILLON_BOOTSTRAP_API_KEY: API_KEY, ...options.env },
    headers: bearer,
  })
  const { native, send } = product
  /** Asks as a client of the product does; a header that is empty is not sent. */
  const ask: Send = (method, address, body, headers = {}) =>
    send(method, address, body, { ...bearer, 'cartesia-version': FIRST_VERSION, ...headers })

  const trunk = `/trunks/${product.first.trunkId}`
  const speedTo = (speed: number) => native('PATCH', trunk, { settings: { speed } })
  if (options.settings !== undefined) {
    await must(native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings } }))
  }
  const numberId = (await must(native('GET', '/numbers'))).items[0].id as string
  await must(native('PUT', `/agents/${product.first.agentId}/aliases/${AGENT}`))
  await must(native('PUT', `/numbers/${numberId}/aliases/${NUMBER}`))

  /** Asks for a batch with its recipients again and again until `holds`; the product works in between. */
  const until = (address: string, holds: (thing: Body) => boolean): Promise<Body> =>
    askUntil(async () => (await ask('GET', address)).body, holds)

  return { ...product, ask, until, speedTo, numberId }
}

/** A number whose last two digits tell the simulated network what becomes of the call. */
export function numberEndingIn(ending: string): string {
  return `+141555504${ending}`
}

export function batchOf(endings: readonly string[], rest: object = {}) {
  const recipients = endings.map((ending) => ({ to_number: numberEndingIn(ending), metadata: { ending } }))
  return { name: 'spring', agent_id: AGENT, from_number_id: NUMBER, recipients, ...rest }
}
