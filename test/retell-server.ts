import { askUntil, type Body, must, type Send, startProduct } from './product-server.ts'

export type { Body, Reply } from './product-server.ts'

/** A key, an agent and a number as the owner of an account has them. */
export const API_KEY = 'key_0123456789abcdef0123456789ab'
export const AGENT = 'agent_7ff478465fd02fa1b18cb1b0b1'
export const OLD_AGENT = 'oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD'
export const CALLER = '+14157774444'

export type RetellServer = Awaited<ReturnType<typeof startRetellServer>>

/** The whole product on a database of its own with a fast loopback trunk, and an account that was brought along. */
export async function startRetellServer(options: { env?: object; settings?: object } = {}) {
  const bearer = { authorization: `Bearer ${API_KEY}` }
  const product = await startProduct({ env: { CARILLON_BOOTSTRAP_API_KEY: API_KEY, ...options.env }, headers: bearer })
  const { native, send } = product
  /** Asks as a client of the product does. */
  const ask: Send = (method, address, body, headers = {}) => send(method, address, body, { ...bearer, ...headers })

  const trunk = `/trunks/${product.first.trunkId}`
  if (options.settings !== undefined) {
    await must(native('PATCH', trunk, { settings: { speed: 1_000, ...options.settings } }))
  }
  await must(native('POST', '/numbers', { number: CALLER, trunkId: product.first.trunkId }))
  const agent = (name: string, alias: string, rest: object = {}) =>
    must(
      native('POST', '/agents', {
        name,
        kind: 'announcement',
        settings: { text: 'Hello {{first_name}}' },
        aliases: [alias],
        ...rest,
      }),
    )
  const bound = await agent('caller', AGENT, { defaultNumber: CALLER })
  await agent('another', OLD_AGENT)

  /** The calls of a batch, newest first. */
  const callsOf = async (batchId: string): Promise<Body[]> => {
    const filter_criteria = { batch_call_id: { type: 'string', op: 'eq', value: batchId } }
    return (await must(ask('POST', '/v3/list-calls', { filter_criteria, limit: 1_000 }))).items
  }
  /** Those calls once there are so many of them and all are over. */
  const finished = (batchId: string, count: number): Promise<Body[]> =>
    askUntil(
      () => callsOf(batchId),
      (calls: Body[]) => calls.length === count && calls.every((call) => call.end_timestamp !== undefined),
    )

  return { ...product, ask, callsOf, finished, agentUuid: bound.id as string }
}

/** A task whose number's last two digits tell the simulated network what becomes of it. */
export function taskTo(ending: string, rest: object = {}) {
  return { to_number: `+141555507${ending}`, ...rest }
}

/** A request with a task for each ending. */
export function batchRequest(endings: readonly string[], rest: object = {}) {
  return { from_number: CALLER, name: 'spring', tasks: endings.map((ending) => taskTo(ending)), ...rest }
}
