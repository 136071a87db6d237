import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { FirstOrganization } from '../../src/commands/bootstrap.ts'
import { DIALECT_FACTS, type DialectName } from '../dialect-facts/registry.ts'

/** A POST that succeeds, and how to say it once more in other words. */
export interface Post {
  readonly path: string
  readonly body?: object
  /** A CSV file in a form, in place of a JSON body. */
  readonly csv?: string
  readonly fields?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came back.
  readonly body: any
  readonly text: string
  readonly headers: Headers
}

/** An organization that may be asked in every wire format, and what requests name. */
export interface RequestWorld {
  readonly organization: string
  readonly agent: string
  readonly trunk: string
  /** The id of its number. */
  readonly number: string
  /** Sends to another server on the same database from now on. */
  moveTo(url: string): void
  post(dialect: DialectName, path: string, body?: object): Promise<Answer>
  send(request: Request): Promise<Answer>
  /** The id of an event that was delivered to a webhook, as far as the database knows. */
  deliveryOf(webhook: string): Promise<string>
  /** The id of a call during its talk, in Cartesia's form. */
  answeredCall(): Promise<string>
}

export interface Request {
  readonly dialect: DialectName
  readonly sender: 'organization' | 'operator'
  readonly post: Post
  readonly headers?: Readonly<Record<string, string>>
  /** Says the same with other bytes. */
  readonly otherwise?: boolean
}

export interface Keys {
  readonly token: string
  readonly operatorToken: string
}

export async function requestWorld(
  url: string,
  first: FirstOrganization,
  database: Pick<pg.Client, 'query'>,
): Promise<RequestWorld> {
  let base = url
  const keys: Keys = { token: first.apiKey!.token, operatorToken: first.operatorKey! }
  const organization = first.organizationId!
  const headersOf = ({ dialect, sender }: Pick<Request, 'dialect' | 'sender'>) =>
    sender === 'operator'
      ? { authorization: `Bearer ${keys.operatorToken}` }
      : DIALECT_FACTS[dialect].keyHeaders(keys.token, organization)

  const send = (request: Request) => {
    const { body, type } = bodyOf(request.post, request.otherwise === true)
    return answerOf(
      fetch(`${base}${request.post.path}`, {
        method: 'POST',
        headers: { ...headersOf(request), ...(type === null ? {} : { 'content-type': type }), ...request.headers },
        ...(body === null ? {} : { body }),
      }),
    )
  }
  const get = (dialect: DialectName, path: string) =>
    answerOf(fetch(`${base}${path}`, { headers: headersOf({ dialect, sender: 'organization' }) }))
  const post = (dialect: DialectName, path: string, body?: object) =>
    send({ dialect, sender: 'organization', post: { path, ...(body === undefined ? {} : { body }) } })

  const numbers = await get('native', '/carillon/v1/numbers')
  // One trunk stands for the kind of medium that requests name.
  const alias = `${base}/carillon/v1/trunks/${first.trunkId!}/aliases/twilio`
  await fetch(alias, { method: 'PUT', headers: headersOf({ dialect: 'native', sender: 'organization' }) })
  return {
    organization,
    agent: first.agentId!,
    trunk: first.trunkId!,
    number: numbers.body.items[0].id,
    moveTo(other) {
      base = other
    },
    post,
    send,
    async deliveryOf(webhook) {
      await post('native', '/carillon/v1/batches', { agent: first.agentId!, recipients: [{ to: '+12125550100' }] })
      await database.query(
        `INSERT INTO webhook_delivery (organization_id, endpoint_id, block_no, entry, at, batch_id, seq, n, kind, code, at_ms, status, tries, created_at)
         SELECT b.organization_id, e.endpoint_id, b.block_no, 1, b.at, b.batch_id[1], b.seq[1], b.n[1], b.kind[1], b.code[1], 0, 3, 9, b.at
         FROM webhook_endpoint e, (SELECT * FROM event_block WHERE organization_id = 1 ORDER BY block_no DESC LIMIT 1) b
         WHERE e.endpoint_uuid = $1`,
        [webhook],
      )
      const { body } = await get('native', `/carillon/v1/webhooks/${webhook}/deliveries`)
      return body.items[0].event?.id ?? body.items[0].eventId
    },
    async answeredCall() {
      const to = `+1500557${String(1_000 + (randomBytes(2).readUInt16BE() % 9_000))}`
      await post('native', '/carillon/v1/calls', { agent: first.agentId!, to })
      await database.query(
        `INSERT INTO live_call (organization_id, number_hash, batch_id, seq, n, counted, lane, trunk_id, node_id, state, claimed_at,
           send_not_after, accepted_ms, ringing_ms, answered_ms)
         SELECT organization_id, number_hash, batch_id, seq, 1, 1, 0, 1, 1, 4, now(), now() - interval '1 h', 1, 2, 3
         FROM recipient WHERE organization_id = 1 ORDER BY batch_id DESC LIMIT 1`,
      )
      const { body } = await get('cartesia', `/agents/calls?agent_id=${first.agentId!}`)
      return body.data[0].id
    },
  }
}

export async function answerOf(answering: Promise<Response>): Promise<Answer> {
  const answer = await answering
  const text = await answer.text()
  const isJson = String(answer.headers.get('content-type')).includes('json')
  return { status: answer.status, body: isJson && text !== '' ? JSON.parse(text) : null, text, headers: answer.headers }
}

function bodyOf(post: Post, otherwise: boolean): { body: string | null; type: string | null } {
  if (post.csv === undefined) {
    // Bytes make the difference: a space after the document, and an empty object where nothing has to be sent.
    if (post.body === undefined)
      return otherwise ? { body: '{}', type: 'application/json' } : { body: null, type: null }
    return { body: `${JSON.stringify(post.body)}${otherwise ? ' ' : ''}`, type: 'application/json' }
  }
  // Another boundary each time: it is no part of what was said.
  const boundary = `form-${randomBytes(8).toString('hex')}`
  const file = otherwise ? `${post.csv}+12125550102,Cy\n` : post.csv
  const fields = Object.entries(post.fields ?? {}).map(([name, value]) => partOf(`name="${name}"`, value))
  const parts = [...fields, partOf('name="file"; filename="list.csv"', file)]
  const body = `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`
  return { body, type: `multipart/form-data; boundary=${boundary}` }
}

function partOf(head: string, content: string): string {
  return `Content-Disposition: form-data; ${head}\r\n\r\n${content}`
}
