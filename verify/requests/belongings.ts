import type { FastifyInstance } from 'fastify'
import type { FirstOrganization } from '../../src/commands/bootstrap.ts'
import { DIALECT_FACTS, type DialectName } from '../../test/dialect-facts/registry.ts'
import type { Random } from '../random.ts'
import type { Hints } from './generate.ts'

/** What requests may name: things of the organization that asks, and of another one. */
export interface Belongings {
  readonly token: string
  /** Of a key that changes nothing. */
  readonly readerToken: string
  readonly operatorToken: string
  readonly organization: string
  /** Ids by the word that stands for them in paths and bodies, in all their spellings. */
  readonly ids: Readonly<Record<string, readonly string[]>>
  /** Cursors that lists gave out. */
  readonly cursors: readonly string[]
}

const NATIVE = '/carillon/v1'
const RECIPIENTS = [{ to: '+12125550100' }, { to: '+12125550101', variables: { first_name: 'Ada' } }]

/** Makes two organizations with one of everything, by the API itself. */
export async function makeBelongings(server: FastifyInstance, first: FirstOrganization): Promise<Belongings> {
  const operatorToken = first.operatorKey!
  const branch = async (name: string) => {
    const operator = { authorization: `Bearer ${operatorToken}` }
    const { id } = await post(server, operator, `${NATIVE}/organizations`, { name })
    const { token } = await post(server, operator, `${NATIVE}/organizations/${id}/keys`, { name: 'key' })
    return { id, token, ...(await thingsOf(server, token, id)) }
  }
  const own = await branch('own')
  const theirs = await branch('other')
  const bearer = { authorization: `Bearer ${own.token}` }
  const reader = await post(server, bearer, `${NATIVE}/keys`, { name: 'reader', access: 'read' })
  // Four times as often one's own.
  const ids = Object.fromEntries(
    Object.keys(own.ids).map((kind) => [
      kind,
      [...Array<string[]>(4).fill(own.ids[kind]!).flat(), ...(theirs.ids[kind] ?? [])],
    ]),
  )
  return {
    token: own.token,
    readerToken: reader.token,
    operatorToken,
    organization: own.id,
    ids,
    cursors: [...own.cursors, ...theirs.cursors],
  }
}

async function thingsOf(server: FastifyInstance, token: string, organization: string) {
  const headers = { authorization: `Bearer ${token}` }
  const make = (path: string, body: object = {}) => post(server, headers, `${NATIVE}${path}`, body)
  const read = (path: string, dialect: DialectName = 'native') =>
    inject(server, `GET ${path}`, DIALECT_FACTS[dialect].keyHeaders(token, organization))
  const trunk = await make('/trunks', {
    name: 't',
    carrier: 'loopback',
    settings: {},
    concurrency: 50,
    callsPerSecond: 50,
  })
  await inject(server, `PUT ${NATIVE}/trunks/${trunk.id}/aliases/twilio`, headers)
  await make('/numbers', { number: '+15005550111', trunkId: trunk.id })
  const number = await make('/numbers', {
    number: '+15005550112',
    trunkId: trunk.id,
  })
  const agent = await make('/agents', { name: 'a', kind: 'announcement', settings: { text: 'Hello {first_name}' } })
  const batch = async (...verbs: string[]) => {
    const made = await make('/batches', {
      agent: agent.id,
      callerNumber: '+15005550111',
      recipients: RECIPIENTS,
      draft: verbs[0] === 'draft',
    })
    for (const verb of verbs.filter((each) => each !== 'draft')) await make(`/batches/${made.batch.id}/${verb}`)
    return made.batch.id as string
  }
  const batches = [await batch('draft'), await batch(), await batch('pause'), await batch('cancel')]
  const calls = [await make('/calls', { agent: agent.id, callerNumber: '+15005550111', to: '+12125550102' })]
  const recipients = await read(`${NATIVE}/batches/${batches[3]}/recipients?limit=1`)
  const throttle = await make('/throttles', { name: `t-${batches[0]}`, rules: [{ maxCalls: 1, windowSeconds: 1 }] })
  const webhook = await make('/webhooks', { url: 'https://127.0.0.1/hook' })
  const key = await make('/keys', { name: 'spare' })
  await make('/suppressions', { numbers: ['+12125550198', '+12125550199'] })
  const lists = ['/batches', '/agents', '/trunks', '/numbers', '/suppressions', '/webhooks', '/events', '/calls']
  const pages = await Promise.all(lists.map((path) => read(`${NATIVE}${path}?limit=1`)))
  const hex = (id: string) => id.replaceAll('-', '')
  const ids: Record<string, string[]> = {
    batch: batches.flatMap((id) => [id, `batch_call_${hex(id)}`, `batch_${BigInt(`0x${hex(id)}`)}`]),
    agent: [agent.id, `agent_${agent.id}`, 'announcement'],
    trunk: [trunk.id, 'twilio'],
    number: [number.id, '+15005550111'],
    call: calls.flatMap(({ id }) => [id as string]),
    recipient: (recipients.items ?? []).map(({ id }: { id: string }) => id),
    throttle: [throttle.id],
    webhook: [webhook.webhook.id],
    key: [key.key?.id ?? key.id],
    organization: [organization],
  }
  return {
    ids,
    cursors: [...pages, recipients]
      .map(({ nextCursor }) => nextCursor)
      .filter((cursor) => typeof cursor === 'string') as string[],
  }
}

function post(server: FastifyInstance, headers: Record<string, string>, url: string, body: object) {
  return inject(server, `POST ${url}`, headers, body)
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the API made.
type Made = any

async function inject(
  server: FastifyInstance,
  what: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Made> {
  const [method, url] = what.split(' ') as ['GET', string]
  const answer = await server.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) })
  if (answer.statusCode >= 300) {
    throw new Error(`Could not make what requests name: ${what}: ${answer.statusCode} ${answer.body}`)
  }
  return answer.body === '' ? null : answer.json()
}

/** An id of the kind that a name asks for, or of any other kind. */
export function idFor({ ids }: Belongings, name: string, random: Random): string {
  const kinds = Object.keys(ids)
  const asked = kindOf(name)
  const kind = asked === undefined || random.below(8) === 0 ? kinds[random.below(kinds.length)]! : asked
  const known = ids[kind]!
  return known[random.below(known.length)] ?? 'nothing'
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/recipient/i, 'recipient'],
  [/batch/i, 'batch'],
  [/agent/i, 'agent'],
  [/trunk/i, 'trunk'],
  [/number|caller|from/i, 'number'],
  [/throttle/i, 'throttle'],
  [/webhook/i, 'webhook'],
  [/key/i, 'key'],
  [/organization/i, 'organization'],
  [/call|conversation/i, 'call'],
]

function kindOf(name: string): string | undefined {
  return KINDS.find(([word]) => word.test(name))?.[1]
}

const NUMBERS = ['+12125550100', '+14155550123', '+447700900123', '+4930123456', '+15005550111']

/** Values by the name of a field. */
export function hintsOf(belongings: Belongings): Hints {
  const fixed: Readonly<Record<string, (random: Random) => unknown>> = {
    to: numberOf,
    to_number: numberOf,
    phone_number: numberOf,
    number: numberOf,
    callerNumber: () => '+15005550111',
    from_number: () => '+15005550111',
    from: () => '+15005550111',
    kind: () => 'announcement',
    carrier: () => 'loopback',
    settings: (random) => (random.below(2) === 0 ? { text: 'Hello' } : {}),
    url: () => 'https://127.0.0.1/hook',
    zone: () => 'America/New_York',
    timezone: () => 'Europe/Berlin',
    limit: (random) => 1 + random.below(100),
    cursor: (random) => belongings.cursors[random.below(belongings.cursors.length)],
  }
  return (name, random) => {
    const known = Object.hasOwn(fixed, name) ? fixed[name] : undefined
    if (known !== undefined) return known(random)
    return /^(agent|trunk|batch|throttle)$|(_id|Id)$/.test(name) ? idFor(belongings, name, random) : undefined
  }
}

function numberOf(random: Random): string {
  return NUMBERS[random.below(NUMBERS.length)]!
}
