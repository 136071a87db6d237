import { readCseq, type SipResponse } from './message.ts'

const RSEQ_MAX = 2 ** 31 - 1

/**
 * Which reliable provisional answers of a call were taken (RFC 3262): each is acknowledged once, with PRACK, in the order of
 * their numbers; a repetition, or one that came too early, is not.
 */
export class ReliableProvisionals {
  /** The last number of each early dialog, by its tag. */
  #last: Map<string, number> | null = null

  /** What RAck must say; null: the answer is not reliable, or must not be acknowledged now. */
  take(response: SipResponse, remoteTag: string): string | null {
    if (!response.headers.names('require', '100rel')) return null
    this.#last ??= new Map()
    const text = response.headers.get('rseq') ?? ''
    const number = /^\d{1,10}$/.test(text) ? Number(text) : 0
    const last = this.#last.get(remoteTag)
    if (number < 1 || number > RSEQ_MAX || (last !== undefined && number !== last + 1)) return null
    this.#last.set(remoteTag, number)
    return `${number} ${readCseq(response.headers)!.number} INVITE`
  }
}
