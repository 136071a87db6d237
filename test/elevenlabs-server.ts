import { askUntil, type Body, must, type Send, startProduct } from './product-server.ts'

export type { Reply } from './product-server.ts'

/** A key as a client of the product may have one. */
export const API_KEY = 'sk_0123456789abcdef0123456789abcdef0123456789abcdef'
/** Ids as the owner of an account has them. */
export const AGENT = 'agent_2401k62pf0zdfbdbatjs81prh8ka'
export const NUMBER = 'phnum_5501k6qntkmyfq69yfj3xs8rw4kh'
export const BATCHES = '/v1/convai/batch-calling'
export const CONVERSATIONS = '/v1/convai/conversations'

export type ElevenLabsServer = Awaited<ReturnType<typeof startElevenLabsServer>>

/** The whole product on a database of its own with a fast loopback trunk, and an account that was brought along. */
export async function startElevenLabsServer(options: { env?: object; settings?: object } = {}) {
  const product = await startProduct({
    env: { CARILLON_BOOTSTRAP_API_KEY: API_KEY, ...options.env },
    headers: { authorization: `Bearer ${API_KEY}` },
  })
  const { native, send } = product
  /** Asks as a client of the product does; a header that is empty is not sent. */
  const ask: Send = (method, address, body, headers = {}) =>
    send(method, address, body, { 'xi-api-key': API_KEY, ...headers })

  if (options.settings !== undefined) {
    const settings = { speed: 1_000, ...options.settings }
    await must(native('PATCH', `/trunks/${product.first.trunkId}`, { settings }))
  }
  const numberId = (await must(native('GET', '/numbers'))).items[0].id as string
  await must(native('PUT', `/agents/${product.first.agentId}/aliases/${AGENT}`))
  await must(native('PUT', `/numbers/${numberId}/aliases/${NUMBER}`))

  /** Asks for a batch with its recipients again and again until `holds`; the product works in between. */
  const until = (id: string, holds: (batch: Body) => boolean): Promise<Body> =>
    askUntil(async () => (await ask('GET', `${BATCHES}/${id}`)).body, holds)
  const submit = (body: object) => must(ask('POST', `${BATCHES}/submit`, body))

  return { ...product, ask, until, submit, numberId }
}

/** A number whose last two digits tell the simulated network what becomes of the call. */
export function numberEndingIn(ending: string): string {
  return `+141555508${ending}`
}

export function batchOf(endings: readonly string[], rest: object = {}) {
  const recipients = endings.map((ending) => ({
    phone_number: numberEndingIn(ending),
    conversation_initiation_client_data: { dynamic_variables: { ending } },
  }))
  return { call_name: 'spring', agent_id: AGENT, agent_phone_number_id: NUMBER, recipients, ...rest }
}

export const isOver = ({ status }: Body): boolean => ['completed', 'failed', 'cancelled'].includes(status)
