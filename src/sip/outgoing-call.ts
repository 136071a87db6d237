import type { Clock, Timer } from '../clock.ts'
import { tagOf } from './addresses.ts'
import { type Authorization, CHALLENGES_MAX } from './authorization.ts'
import type { CallRecord } from './call-record.ts'
import type { ClientTransaction, ClientTransactionListener } from './client-transaction.ts'
import { type CallLeg, type DialogPart, dialogPartOf, newBranch, nextHop, requestInDialog } from './dialog.ts'
import { authorizationLines } from './digest.ts'
import { type CallEnding, type HangUpReason, q850Of, retryAfterOf } from './ending.ts'
import { answerInCall } from './in-call-requests.ts'
import { ackRequest, cancelRequest, inviteRequest, type WrittenInvite } from './invite.ts'
import { readCseq, type SipRequest, type SipResponse, writeMessage } from './message.ts'
import type { Peer } from './peer.ts'
import { ReliableProvisionals } from './reliable-provisional.ts'
import type { ServerTransaction } from './server-transaction.ts'
import { readSessionExpires, SessionTimer } from './session-timer.ts'
import { TRANSACTION_MS } from './timing.ts'

/** What a call needs of the process around it. */
export interface CallWire {
  readonly clock: Clock
  request(request: SipRequest, peer: Peer, listener: ClientTransactionListener): ClientTransaction | null
  send(bytes: Buffer, peer: Peer): boolean
  /** Makes a connection again that was lost; rejects when that cannot be. */
  reachAgain(peer: Peer): Promise<void>
  /** The call is over; told once, before its listener is. */
  onEnded(call: OutgoingCall, ending: CallEnding): void
}

export interface CallListener {
  /** Provisional answers, 100 included. A body may hold early media. */
  onProgress(response: SipResponse): void
  /** Answered and acknowledged. False: the description cannot be used, and the call is hung up. */
  onAnswered(response: SipResponse): boolean
  /** The other side changes the call. The description to answer with, or null to refuse. Null as offer: it wants ours. */
  onOffer(offer: Buffer | null): Buffer | null
  /** A key press by INFO. */
  onKey(key: string): void
  /** A redirect was followed: what another process needs to end the call is different from now on. */
  onRedirected(): void
  /** Nothing at all has answered the INVITE for 32 s. It still may. */
  onSilence(): void
  /** Told once, and last. */
  onEnded(ending: CallEnding): void
}

/** Where a redirected call goes to, reached already, and with which credentials, if any. */
export interface Redirection {
  readonly to: Pick<CallLeg, 'requestUri' | 'peer' | 'sentBy' | 'contact'>
  readonly authorization: Authorization
}

export interface OutgoingCallOptions {
  readonly leg: CallLeg
  readonly offer: Buffer
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly authorization: Authorization
  readonly ringTimeoutMs: number
  /** The call is over by itself at the latest then. */
  readonly endsByEpochMs: number
  /** Decides about a 3xx; null or absent: it is a refusal like any other. Never rejects. */
  readonly redirect?: (response: SipResponse) => Promise<Redirection | null>
}

/** How often a call is sent on. */
const REDIRECTS_MAX = 2

/** Nobody is told of what comes when a call is over, and nothing is held that only its life needed. */
const NOBODY: CallListener = {
  onProgress: () => undefined,
  onAnswered: () => false,
  onOffer: () => null,
  onKey: () => undefined,
  onRedirected: () => undefined,
  onSilence: () => undefined,
  onEnded: () => undefined,
}
const NOTHING = Buffer.alloc(0)
const FORGOTTEN = { offer: NOTHING, headers: [], ringTimeoutMs: 0, endsByEpochMs: 0 }

type State = 'new' | 'inviting' | 'redirecting' | 'answered' | 'ending' | 'over'

/**
 * One call that we place. Writes one INVITE; again, with the same Call-ID and the next number, only after 401 or 407 and
 * at most twice, and after a 3xx that is followed by choice. Everything that can cross on the way is taken care of: an answer that crosses our CANCEL, a CANCEL before
 * anything answered (it waits), answers of several branches, lost and doubled messages.
 */
export class OutgoingCall {
  #leg: CallLeg
  readonly #wire: CallWire
  #options: Omit<OutgoingCallOptions, 'leg' | 'authorization'>
  #listener: CallListener
  /** Null until the other side wants a session timer. */
  #session: SessionTimer | null = null
  #authorization: Authorization
  #redirects = 0
  #state: State = 'new'
  readonly #provisionals = new ReliableProvisionals()
  #sequence = 1
  #challenges = 0
  #invite: ClientTransaction | null = null
  #written: WrittenInvite | null = null
  #early: DialogPart | null = null
  #dialog: DialogPart | null = null
  /** The INVITE whose 2xx is acknowledged, as often as it comes, but with the branch of the ACK. */
  #acknowledged: WrittenInvite | null = null
  #hop: { readonly dialog: DialogPart; readonly peer: Peer } | null = null
  #localSdp: Buffer
  #wantsEnd: HangUpReason | null = null
  #cancelled = false
  #ringsUntilEpochMs = 0
  /** Something has answered the INVITE, if only with 100. */
  #heard = false
  #remoteSequence = 0
  #updates = false
  #refreshing = false
  /** Resolves when anything at all has answered the INVITE, if only with 100, and when the call is over. */
  readonly heard: Promise<void>
  #tellHeard: () => void = () => undefined
  #ringTimer: Timer | null = null
  #cancelTimer: Timer | null = null

  constructor(wire: CallWire, options: OutgoingCallOptions, listener: CallListener) {
    this.#wire = wire
    this.#options = options
    this.#listener = listener
    this.#leg = options.leg
    this.#authorization = options.authorization
    this.#localSdp = options.offer
    this.heard = new Promise((resolve) => {
      this.#tellHeard = resolve
    })
  }

  get leg(): CallLeg {
    return this.#leg
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  /** How often the other side asked for the password. */
  get challenges(): number {
    return this.#challenges
  }

  get isAnswered(): boolean {
    return this.#dialog !== null
  }

  /** True while nothing at all has answered the INVITE. */
  get isUnanswered(): boolean {
    return this.#state === 'inviting' && (this.#invite?.unanswered ?? true)
  }

  /** Writes the INVITE. False: not one byte was written, and nothing will be told. */
  start(): boolean {
    this.#state = 'inviting'
    this.#ringsUntilEpochMs = this.#wire.clock.nowEpochMs() + this.#options.ringTimeoutMs
    if (!this.#sendInvite()) {
      this.#state = 'over'
      return false
    }
    this.#ringTimer = this.#wire.clock.setTimer(this.#options.ringTimeoutMs, () => this.hangUp('ring-timeout'))
    return true
  }

  /** Everything another process needs to end this call. */
  record(): CallRecord {
    return {
      leg: this.leg,
      inviteBranch: this.#written!.branch,
      sequence: this.#written!.sequence,
      dialog: this.#dialog ?? this.#early,
      answered: this.#dialog !== null,
      endsByEpochMs: this.#dialog === null ? this.#ringsUntilEpochMs : this.#options.endsByEpochMs,
    }
  }

  /** Ends the call, whatever it has reached; the first reason counts. Its end is told when the other side knows it. */
  hangUp(why: HangUpReason): void {
    if (this.#wantsEnd !== null || this.#state === 'over') return
    this.#wantsEnd = why
    this.#ringTimer?.cancel()
    if (this.#state === 'answered') this.#bye(why)
    // What redirects comes to nothing by itself.
    else if (this.#state === 'redirecting') return
    // A CANCEL before any answer could arrive before the INVITE (RFC 3261 9.1); it waits for the first one.
    else if (!this.isUnanswered) this.#cancel()
  }

  /** Stops listening, and tells nothing. The other side is not told either. */
  abandon(): void {
    this.#over()
    this.#invite?.abandon()
  }

  /** A request of the other side within this call. */
  receive(server: ServerTransaction): void {
    const dialog = this.#dialog
    const reached = answerInCall(server, {
      localTag: this.leg.localTag,
      contact: this.leg.contact,
      remoteTag: dialog?.remoteTag ?? null,
      remoteSequence: this.#remoteSequence,
      refreshing: this.#refreshing || this.#state === 'ending',
      localSdp: this.#localSdp,
      onOffer: (offer) => this.#listener.onOffer(offer),
    })
    if (reached === null) return
    this.#remoteSequence = reached.sequence
    if (reached.key !== null) this.#listener.onKey(reached.key)
    if (reached.localSdp !== null) this.#localSdp = reached.localSdp
    if (reached.target !== null && dialog !== null) this.#dialog = { ...dialog, target: reached.target }
    if (reached.session !== null) this.#keepSession(reached.session.seconds, reached.session.weRefresh)
    if (reached.acknowledged !== null) reached.acknowledged.onUnacknowledged = () => this.hangUp('media-lost')
    if (reached.bye) this.#end({ kind: 'hung-up', by: 'callee', q850: q850Of(server.request.headers) })
  }

  /** A 2xx that no transaction knows any more. */
  receiveStray(response: SipResponse): void {
    if (this.#dialog !== null && tagOf(response.headers.get('to')) === this.#dialog.remoteTag) this.#repeatAck()
    else this.#refuseAnswer(response)
  }

  #sendInvite(): boolean {
    const { offer, headers } = this.#options
    const named = { branch: newBranch(), sequence: this.#sequence }
    const request = inviteRequest(this.leg, { ...named, offer, headers })
    this.#authorization.sign(request)
    this.#written = { ...named, credentials: authorizationLines(request.headers) }
    this.#invite = this.#wire.request(request, this.leg.peer, {
      onResponse: (response) => this.#onInviteResponse(response),
      onFailure: (why) => this.#onInviteFailure(why),
    })
    return this.#invite !== null
  }

  #onInviteResponse(response: SipResponse): void {
    const { status } = response
    this.#tellHeard()
    if (status < 200) this.#onProvisional(response)
    else if (status < 300) this.#onAnswer(response)
    else this.#onRefusal(response)
  }

  #onProvisional(response: SipResponse): void {
    if (this.#state !== 'inviting') return
    this.#heard = true
    if (response.status > 100) this.#ring(response)
    if (this.#wantsEnd !== null) this.#cancel()
    this.#listener.onProgress(response)
  }

  #ring(response: SipResponse): void {
    const early = dialogPartOf(this.leg, response)
    if (early === null) return
    this.#early = early
    const rack = this.#provisionals.take(response, early.remoteTag)
    if (rack === null) return
    const prack = requestInDialog(this.leg, early, { method: 'PRACK', sequence: ++this.#sequence })
    prack.headers.add('rack', rack)
    this.#authorization.sign(prack)
    // Whatever becomes of it: the INVITE is answered all the same, or the other side gives it up.
    this.#wire.request(prack, nextHop(this.leg, early), { onResponse: () => undefined, onFailure: () => undefined })
  }

  #onAnswer(response: SipResponse): void {
    const dialog = dialogPartOf(this.leg, response) ?? { remoteTag: '', target: this.leg.requestUri, routes: [] }
    if (this.#dialog !== null) {
      if (this.#dialog.remoteTag === dialog.remoteTag) this.#repeatAck()
      else this.#refuseAnswer(response)
      return
    }
    this.#dialog = dialog
    this.#early = null
    this.#stopWaiting()
    this.#acknowledged = { ...this.#written!, branch: newBranch() }
    this.#repeatAck()
    if (this.#wantsEnd !== null) {
      this.#bye(this.#wantsEnd, { kind: 'answered-too-late', why: this.#wantsEnd })
      return
    }
    this.#state = 'answered'
    this.#updates = response.headers.names('allow', 'UPDATE')
    this.#agreeOnSession(response)
    if (!this.#listener.onAnswered(response)) this.hangUp('media-not-agreed')
  }

  #onRefusal(response: SipResponse): void {
    const { status } = response
    const challenged = status === 401 || status === 407
    if (challenged && this.#wantsEnd === null && this.#challenges < CHALLENGES_MAX) {
      if (this.#authorization.take(response)) {
        this.#challenges++
        this.#sequence++
        if (this.#sendInvite()) return
        // The connection went between the challenge and its answer: the refused INVITE was no call.
        this.#end({ kind: 'refused', status: 503, q850: null, retryAfterSeconds: null })
        return
      }
    }
    const { redirect } = this.#options
    const redirects = status < 400 && this.#wantsEnd === null && this.#redirects < REDIRECTS_MAX
    if (redirects && redirect !== undefined) this.#follow(response, redirect)
    else this.#refused(response)
  }

  /** A 3xx is final: its INVITE has made no call, so that another one is not a second call (docs/decisions/0011). */
  #follow(response: SipResponse, redirect: NonNullable<OutgoingCallOptions['redirect']>): void {
    this.#state = 'redirecting'
    void redirect(response).then((redirection) => {
      if (this.#state !== 'redirecting') return
      if (redirection === null || this.#wantsEnd !== null) return this.#refused(response)
      this.#state = 'inviting'
      this.#redirects++
      this.#sequence++
      this.#early = null
      this.#leg = { ...this.#leg, ...redirection.to }
      this.#authorization = redirection.authorization
      if (this.#sendInvite()) this.#listener.onRedirected()
      else this.#end({ kind: 'refused', status: 503, q850: null, retryAfterSeconds: null })
    })
  }

  #refused({ status, headers }: SipResponse): void {
    const q850 = q850Of(headers)
    if (this.#wantsEnd !== null) this.#end({ kind: 'given-up', why: this.#wantsEnd, status, q850 })
    else this.#end({ kind: 'refused', status, q850, retryAfterSeconds: retryAfterOf(headers) })
  }

  #onInviteFailure(why: 'silent' | 'lost'): void {
    if (this.#state === 'over' || this.#dialog !== null) return
    // Without any answer nobody knows whether the INVITE arrived; with one, the other side has the call.
    if (why === 'silent' || !this.#heard) this.#listener.onSilence()
    else this.#end({ kind: 'lost' })
  }

  #cancel(): void {
    if (this.#cancelled || this.#state !== 'inviting') return
    this.#cancelled = true
    const request = cancelRequest(this.record())
    this.#wire.request(request, this.leg.peer, { onResponse: () => undefined, onFailure: () => undefined })
    // RFC 3261 9.1: without a final answer within 32 s the call counts as cancelled.
    this.#cancelTimer = this.#wire.clock.setTimer(TRANSACTION_MS, () => {
      this.#invite?.abandon()
      this.#end({ kind: 'given-up', why: this.#wantsEnd!, status: null, q850: null })
    })
  }

  #bye(why: HangUpReason, ending: CallEnding = { kind: 'hung-up', by: 'us', why }): void {
    this.#state = 'ending'
    this.#session?.stop()
    const make = () => requestInDialog(this.leg, this.#dialog!, { method: 'BYE', sequence: ++this.#sequence })
    // Whatever is answered, or nothing: nobody can do more to end the call.
    this.#inDialog(make, () => this.#end(ending))
  }

  /**
   * Sends a request within the call, answers a challenge once, makes a lost connection again once. `make` makes it anew
   * with the next number each time; `onFinal` is told which of them was answered; null: none was.
   */
  #inDialog(make: () => SipRequest, onFinal: (response: SipResponse | null, request: SipRequest) => void, tries = 0) {
    const authorization = this.#authorization
    const peer = this.#nextHop(this.#dialog!)
    const request = make()
    authorization.sign(request)
    const sent = this.#wire.request(request, peer, {
      onResponse: (response) => {
        if (response.status < 200) return
        const challenged = response.status === 401 || response.status === 407
        if (!challenged || tries > 0 || !authorization.take(response)) return onFinal(response, request)
        this.#inDialog(make, onFinal, tries + 1)
      },
      onFailure: () => onFinal(null, request),
    })
    if (sent !== null) return
    const again = tries > 0 ? Promise.reject(new Error('Tried before')) : this.#wire.reachAgain(peer)
    again.then(
      () => this.#inDialog(make, onFinal, tries + 1),
      () => onFinal(null, request),
    )
  }

  #repeatAck(): void {
    if (this.#acknowledged === null || this.#dialog === null) return
    // Put together anew each time: nearly always it is needed once, and a call is remembered for long.
    this.#wire.send(writeMessage(ackRequest(this.leg, this.#dialog, this.#acknowledged)), this.#nextHop(this.#dialog))
  }

  #nextHop(dialog: DialogPart): Peer {
    if (this.#hop?.dialog !== dialog) this.#hop = { dialog, peer: nextHop(this.leg, dialog) }
    return this.#hop.peer
  }

  /** An answer we cannot use, of another branch or far too late: it is acknowledged and hung up, and changes nothing. */
  #refuseAnswer(response: SipResponse): void {
    const dialog = dialogPartOf(this.leg, response)
    if (dialog === null || this.#written === null) return
    const peer = nextHop(this.leg, dialog)
    this.#wire.send(writeMessage(ackRequest(this.leg, dialog, { ...this.#written, branch: newBranch() })), peer)
    const bye = requestInDialog(this.leg, dialog, { method: 'BYE', sequence: this.#sequence + 1 })
    this.#authorization.sign(bye)
    this.#wire.request(bye, peer, { onResponse: () => undefined, onFailure: () => undefined })
  }

  #agreeOnSession(response: SipResponse): void {
    const session = readSessionExpires(response.headers)
    if (session !== null) this.#keepSession(session.seconds, session.refresher !== 'uas')
  }

  #keepSession(seconds: number, weRefresh: boolean): void {
    this.#session ??= new SessionTimer(this.#wire.clock, {
      refresh: () => this.#refresh(),
      expired: () => this.#vanish(),
    })
    this.#session.start(seconds, weRefresh)
  }

  /** By UPDATE where the other side takes it, else by an INVITE with the description we already have. */
  #refresh(): void {
    if (this.#state !== 'answered') return
    const method = this.#updates ? 'UPDATE' : 'INVITE'
    const make = (): SipRequest => {
      const request = requestInDialog(this.leg, this.#dialog!, { method, sequence: ++this.#sequence })
      request.headers.add('supported', 'timer').add('session-expires', '1800;refresher=uac')
      if (method === 'UPDATE') return request
      request.headers.add('content-type', 'application/sdp')
      return { ...request, body: this.#localSdp }
    }
    this.#refreshing = true
    this.#inDialog(make, (response, request) => {
      this.#refreshing = false
      if (this.#state !== 'answered') return
      if (response === null || response.status === 481 || response.status === 408) this.#vanish()
      else if (response.status < 300) this.#refreshed(request, response)
      else if (method === 'UPDATE' && response.status !== 491) {
        this.#updates = false
        this.#refresh()
      } else this.#keepSession(8, true)
    })
  }

  #refreshed(request: SipRequest, response: SipResponse): void {
    if (request.method === 'INVITE') {
      this.#acknowledged = {
        branch: newBranch(),
        sequence: readCseq(request.headers)!.number,
        credentials: authorizationLines(request.headers),
      }
      this.#repeatAck()
    }
    this.#agreeOnSession(response)
  }

  #vanish(): void {
    if (this.#state !== 'answered') return
    this.#bye('media-lost', { kind: 'vanished' })
  }

  #end(ending: CallEnding): void {
    if (this.#state === 'over') return
    const listener = this.#listener
    this.#over()
    this.#wire.onEnded(this, ending)
    listener.onEnded(ending)
  }

  #over(): void {
    this.#state = 'over'
    this.#tellHeard()
    this.#session?.stop()
    this.#session = null
    this.#stopWaiting()
    this.#listener = NOBODY
    this.#options = FORGOTTEN
    this.#localSdp = NOTHING
    this.#early = null
  }

  #stopWaiting(): void {
    this.#ringTimer?.cancel()
    this.#ringTimer = null
    this.#cancelTimer?.cancel()
    this.#cancelTimer = null
  }
}
