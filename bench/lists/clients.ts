import http from 'node:http'
import { collectGarbage } from '../../test/collect-garbage.ts'

const COLLECTED_EVERY = 25

/**
 * One client with a connection that stays open, as the server of an application has it. It collects its garbage between
 * its requests: what a client does with a page is not the server's time, and took up to 10 ms of one request in a hundred.
 */
export class ListClient {
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>
  #requests = 0

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.#url = url
    this.#headers = headers
  }

  /** Milliseconds from the first byte sent to the last one read, and what was read. @throws Error for a refusal. */
  get(address: string): Promise<{ ms: number; body: unknown }> {
    const url = address.startsWith('http') ? address : `${this.#url}${address}`
    if (this.#requests++ % COLLECTED_EVERY === 0) collectGarbage({ type: 'minor' })
    const from = performance.now()
    return new Promise((resolve, reject) => {
      http
        .get(url, { agent: this.#agent, headers: this.#headers }, (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const ms = performance.now() - from
            const text = Buffer.concat(parts).toString()
            if (response.statusCode === 200) resolve({ ms, body: JSON.parse(text) })
            else reject(new Error(`${url} was answered with ${response.statusCode}: ${text}`))
          })
        })
        .on('error', reject)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** A page of a list, however a wire format writes it. */
export interface ReadPage {
  readonly ids: readonly string[]
  /** Address of the next page; null: this is the last one. */
  readonly next: string | null
  /** How many there are in all, where the list says so. */
  readonly total: number | null
}

/** A list with cursors. */
export interface CursorList {
  readonly name: string
  readonly headers: Readonly<Record<string, string>>
  readonly first: string
  read(body: unknown): ReadPage
}

// biome-ignore lint/suspicious/noExplicitAny: whatever came back.
type Body = any
const PAGE = 20

export function cursorLists(token: string, agentId: string): readonly CursorList[] {
  const bearer = { authorization: `Bearer ${token}` }
  const cartesia = `/agents/calls/batches?limit=${PAGE}`
  const native = `/carillon/v1/batches?limit=${PAGE}`
  return [
    {
      name: 'ultravox',
      headers: { 'x-api-key': token },
      first: `/api/agents/${agentId}/scheduled_batches?pageSize=${PAGE}`,
      read: ({ results, next, total }: Body) => ({ ids: results.map(({ batchId }: Body) => batchId), next, total }),
    },
    {
      name: 'cartesia',
      headers: { ...bearer, 'cartesia-version': '2026-08-14' },
      first: cartesia,
      read: ({ data, has_more, next_page }: Body) => ({
        ids: data.map(({ id }: Body) => id),
        next: has_more ? `${cartesia}&starting_after=${next_page}` : null,
        total: null,
      }),
    },
    {
      name: 'native',
      headers: bearer,
      first: native,
      read: ({ items, nextCursor }: Body) => ({
        ids: items.map(({ id }: Body) => id),
        next: nextCursor === null ? null : `${native}&cursor=${encodeURIComponent(nextCursor)}`,
        total: null,
      }),
    },
  ]
}
