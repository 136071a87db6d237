import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import { hostText, parseNameAddress } from './addresses.ts'
import { Authorization } from './authorization.ts'
import { newBranch, requestHeaders } from './dialog.ts'
import type { Credentials } from './digest.ts'
import type { SipEndpoint } from './endpoint.ts'
import type { SipRequest, SipResponse } from './message.ts'
import type { Peer } from './peer.ts'

const ASKED_SECONDS = 300
/** A registrar that wants us to sign on all the time gets no more than this. */
const SECONDS_MIN = 10
/** What a registrar may ask for at least, as long as it makes sense: a day. */
const ASKED_SECONDS_MAX = 86_400
/** After a refusal or silence. */
const TRY_AGAIN_MS = 30_000

export interface RegistrationOptions {
  readonly clock: Clock
  readonly endpoint: SipEndpoint
  readonly credentials: Credentials
  readonly domain: string
  /** A server of the trunk that was reached. */
  readonly ready: () => Promise<Peer>
}

/**
 * Signs on at a trunk that takes calls only from those who did, and again before that runs out. It announces where we
 * are; that nobody is answered who calls there stays as it is.
 */
export class Registration {
  readonly #options: RegistrationOptions
  readonly #callId = randomBytes(16).toString('hex')
  readonly #tag = randomBytes(8).toString('hex')
  #sequence = 0
  #askedSeconds = ASKED_SECONDS
  #goodUntilMs = Number.NEGATIVE_INFINITY
  #signingOn: Promise<boolean> | null = null
  #timer: Timer | null = null
  #closed = false

  constructor(options: RegistrationOptions) {
    this.#options = options
  }

  /** True when the trunk knows us now; signs on if it does not. Never rejects. */
  signedOn(): Promise<boolean> {
    if (this.#options.clock.monotonicMs() < this.#goodUntilMs) return Promise.resolve(true)
    this.#signingOn ??= this.#signOn().finally(() => {
      this.#signingOn = null
    })
    return this.#signingOn
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
  }

  async #signOn(): Promise<boolean> {
    const { clock, ready } = this.#options
    let response: SipResponse | null = null
    try {
      const peer = await ready()
      response = await this.#ask(peer)
      // Interval Too Brief: it says how long it wants us to sign on for at least.
      const wanted = response?.status === 423 ? secondsOf(response.headers.get('min-expires')) : null
      if (wanted !== null && wanted > this.#askedSeconds && wanted <= ASKED_SECONDS_MAX) {
        this.#askedSeconds = wanted
        response = await this.#ask(peer)
      }
    } catch {
      // The trunk is not reached: that shows elsewhere, too.
    }
    const good = response !== null && response.status >= 200 && response.status < 300
    const seconds = good ? grantedSeconds(response!, this.#askedSeconds) : 0
    if (good) this.#goodUntilMs = clock.monotonicMs() + seconds * 1000
    this.#arm(good ? seconds * 800 : TRY_AGAIN_MS)
    return good
  }

  #ask(peer: Peer): Promise<SipResponse | null> {
    const { endpoint, credentials } = this.#options
    const first = this.#sequence
    this.#sequence += 2
    return endpoint.ask((step) => this.#request(peer, first + step), peer, new Authorization(credentials))
  }

  #arm(afterMs: number): void {
    this.#timer?.cancel()
    if (this.#closed) return
    this.#timer = this.#options.clock.setTimer(afterMs, () => {
      this.#goodUntilMs = Number.NEGATIVE_INFINITY
      void this.signedOn()
    })
  }

  #request(peer: Peer, sequence: number): SipRequest {
    const { endpoint, credentials, domain } = this.#options
    const names = endpoint.namesFor(peer, 'carillon')
    const address = `<sip:${encodeURIComponent(credentials.username)}@${hostText(domain)}>`
    const uri = `sip:${hostText(domain)}`
    const leg = {
      callId: this.#callId,
      localTag: this.#tag,
      from: address,
      to: address,
      requestUri: uri,
      peer,
      sentBy: names.sentBy,
      contact: names.contact,
    }
    const headers = requestHeaders(leg, { method: 'REGISTER', sequence, branch: newBranch() })
      .add('contact', names.contact)
      .add('expires', String(this.#askedSeconds))
    return { kind: 'request', method: 'REGISTER', uri, headers, body: Buffer.alloc(0) }
  }
}

/** From our Contact in the answer, else from Expires, else what we asked for. */
function grantedSeconds(response: SipResponse, askedSeconds: number): number {
  const contacts = response.headers.list('contact').map((value) => parseNameAddress(value)?.parameters.get('expires'))
  const written = contacts.find((seconds) => seconds !== undefined) ?? response.headers.get('expires')
  return Math.max(SECONDS_MIN, secondsOf(written) ?? askedSeconds)
}

function secondsOf(written: string | null | undefined): number | null {
  return /^\d{1,6}$/.test(written ?? '') ? Number(written) : null
}
