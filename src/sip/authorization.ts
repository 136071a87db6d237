import { randomBytes } from 'node:crypto'
import { answerChallenge, type Challenge, type Credentials, chooseChallenge } from './digest.ts'
import type { SipRequest, SipResponse } from './message.ts'

/** How often a request may be sent again because it was challenged. */
export const CHALLENGES_MAX = 2

/**
 * The credentials of one call or registration, and the challenges it has met. A nonce that was given once is used for
 * all further requests, so that a BYE costs no extra round trip.
 */
export class Authorization {
  readonly #credentials: Credentials | null
  readonly #challenges = new Map<Challenge['header'], { challenge: Challenge; uses: number }>()

  constructor(credentials: Credentials | null) {
    this.#credentials = credentials
  }

  /**
   * Takes a 401 or 407. True: the request may be sent again, with `sign`. False: there is no challenge we can answer,
   * or what we answered was refused.
   */
  take(response: SipResponse): boolean {
    if (this.#credentials === null) return false
    const challenge = chooseChallenge(response, this.#credentials.realm)
    if (challenge === null) return false
    const known = this.#challenges.get(challenge.header)
    const refused =
      known !== undefined && known.uses > 0 && !challenge.stale && known.challenge.realm === challenge.realm
    // A nonce may run out without a word of it; the same nonce again can only mean a wrong password.
    if (refused && known.challenge.nonce === challenge.nonce) return false
    this.#challenges.set(challenge.header, { challenge, uses: 0 })
    return true
  }

  /** Puts the answers to all challenges so far into a request. */
  sign(request: SipRequest): void {
    if (this.#credentials === null) return
    for (const [header, known] of this.#challenges) {
      const { method, uri } = request
      const use = { method, uri, nonceCount: ++known.uses, cnonce: randomBytes(8).toString('hex') }
      request.headers.set(header, answerChallenge(known.challenge, this.#credentials, use))
    }
  }
}
