import { sleep } from '../../clock.ts'
import type { MediaSession } from '../../media/media-engine.ts'
import { MediaError } from '../../media/media-engine.ts'
import type { Prompt } from '../../media/prompt.ts'
import type { CallEvent } from '../../model/call-event.ts'
import { Authorization } from '../../sip/authorization.ts'
import { type CallRecord, readRecord } from '../../sip/call-record.ts'
import type { Credentials } from '../../sip/digest.ts'
import { endOrphan, type OrphanEnd } from '../../sip/end-orphan.ts'
import type { OutgoingCall, OutgoingCallOptions } from '../../sip/outgoing-call.ts'
import type { Peer } from '../../sip/peer.ts'
import { Registration } from '../../sip/registration.ts'
import type { NameService } from '../../sip/resolve.ts'
import { TRANSACTION_MS } from '../../sip/timing.ts'
import { UnansweredCalls } from '../../sip/unanswered-calls.ts'
import { VoiceError } from '../../voices/voices.ts'
import type {
  CallHandle,
  CallRequest,
  Carrier,
  CarrierContext,
  CarrierTraits,
  LookUpAnswer,
  OrphanedCall,
  TestFinding,
} from '../carrier.ts'
import { SipCall } from './call.ts'
import type { SipSettings } from './config.ts'
import { callOptions } from './invitation.ts'
import { followRedirect } from './redirect.ts'
import { CallSound } from './sound.ts'
import { SteadyLag } from './steady-lag.ts'
import { findingsOfCall, lookAtTrunk } from './test-call.ts'
import { TrunkReach, TrunkUnreachable } from './trunk-reach.ts'

/** INVITEs without any answer at once, of one trunk; more wait, so that a trunk in trouble does not get more of it. */
const UNANSWERED_MAX = 100
/** Silence of the person's side for so long ends the call. */
const INACTIVITY_SECONDS = 30
/** How long a call that is over can be asked for. */
const REMEMBERED_MS = 120_000
/** What is left of the deadline when the INVITE is written must not be a gamble. */
const SPARE_MS = 20

export const SIP_TRAITS: CarrierTraits = {
  lookUpIsComplete: false,
  firstLookUpDelayMs: 32_000,
  nextLookUpDelaysMs: [],
  pollSilentCallAfterMs: 30_000,
  ringsUnseen: true,
}

/** Between two tries to end a call whose other side does not answer. */
const ORPHAN_AGAIN_MS = 10_000

const NOTHING_CAME: TestFinding = {
  level: 'bad',
  step: 'call',
  text: 'The trunk did not answer the call at all.',
  remedy: 'Check that the carrier takes calls from this server’s address, and that a firewall lets its answers in.',
}

const ORPHAN_ENDS = {
  answered: { disposition: 'answered', cause: 'node-lost' },
  'not-answered': { disposition: 'failed', cause: 'node-lost' },
  unknown: { disposition: 'unknown', cause: 'node-lost' },
} as const satisfies Record<Exclude<OrphanEnd, 'unheard'>, object>

function unsent(call: SipCall, cause: Parameters<SipCall['notSent']>[0]): null {
  call.notSent(cause)
  return null
}

/** One account at a SIP provider. Calls are placed on the SIP side and the sound of this process. */
export class SipTrunk implements Carrier {
  readonly traits = SIP_TRAITS
  readonly #settings: SipSettings
  readonly #context: CarrierContext
  readonly #credentials: Credentials | null
  readonly #reach: TrunkReach
  /** Where the trunk takes calls only from those who sign on. */
  readonly #registration: Registration | null
  readonly #calls = new Map<string, SipCall>()
  readonly #orphans = new Set<string>()
  readonly #lag: SteadyLag
  readonly #names: NameService | undefined
  readonly #unanswered: UnansweredCalls
  #closed = false

  constructor(settings: SipSettings, context: CarrierContext, names?: NameService) {
    this.#settings = settings
    this.#context = context
    this.#names = names
    this.#lag = new SteadyLag(context.clock)
    this.#unanswered = new UnansweredCalls(context.clock, UNANSWERED_MAX)
    const { username, password, realm } = settings
    this.#credentials = username === undefined ? null : { username, password: password ?? '', realm }
    this.#reach = new TrunkReach({
      clock: context.clock,
      endpoint: context.sip,
      address: {
        host: settings.host,
        port: settings.port ?? null,
        transport: settings.transport,
        serverName: settings.serverName ?? null,
      },
      certificateAuthority: settings.certificateAuthority ?? null,
      probe: settings.probe,
      credentials: this.#credentials,
      names,
    })
    this.#registration =
      settings.register && this.#credentials !== null
        ? new Registration({
            clock: context.clock,
            endpoint: context.sip,
            credentials: this.#credentials,
            domain: settings.domain ?? settings.host,
            ready: () => this.#reach.ready(),
          })
        : null
  }

  place(request: CallRequest): void {
    if (!this.#closed) this.#begin(request, (call, event) => this.#tell(call, event))
  }

  async testCall(request: CallRequest): Promise<readonly TestFinding[]> {
    const { clock, sip } = this.#context
    const look = { settings: this.#settings, endpoint: sip, reach: this.#reach }
    const before = await lookAtTrunk(look)
    if (!before.some(({ step, level }) => (step === 'options' || step === 'connection') && level !== 'bad'))
      return before
    const startedAtEpochMs = clock.nowEpochMs()
    const ended = new Promise<SipCall>((resolve) => {
      const call = this.#begin(request, (_call, event) => {
        if (event.kind === 'ended' || event.kind === 'not-sent') resolve(call)
      })
      // Nothing at all may come of it.
      clock.setTimer((request.ringTimeoutSeconds + request.maxCallSeconds) * 1000 + TRANSACTION_MS, () => resolve(call))
    })
    const call = await ended
    this.#calls.delete(request.ref)
    const challenges = sip.findCall(request.ref)?.challenges ?? 0
    const statistics = await call.soundFigures()
    const silent: TestFinding[] = call.events.length > 0 ? [] : [NOTHING_CAME]
    return [...before, ...findingsOfCall(call.events, { startedAtEpochMs, challenges, statistics, clock }), ...silent]
  }

  hangUp({ ref }: CallHandle): void {
    const call = this.#calls.get(ref)
    if (call) call.hangUp('user')
    // Placed by this trunk with its former settings.
    else this.#context.sip.findCall(ref)?.hangUp('user')
  }

  endOrphan({ ref, carrierCallId, carrierState }: OrphanedCall): void {
    // This process was taken for dead and lives: the call goes on here.
    if (this.#calls.has(ref) || this.#context.sip.findCall(ref) || this.#orphans.has(ref)) return
    const record = carrierState === null ? null : readRecord(carrierState)
    if (record === null) return
    this.#orphans.add(ref)
    this.#endForGood(record).then((end) => {
      const { clock, report } = this.#context
      if (this.#closed) return
      const id = carrierCallId === null ? {} : { carrierCallId }
      const forget = () => this.#orphans.delete(ref)
      report({ kind: 'ended', ref, ...id, atEpochMs: clock.nowEpochMs(), ...ORPHAN_ENDS[end] }, forget)
    })
  }

  async lookUp({ ref }: CallHandle): Promise<LookUpAnswer> {
    const call = this.#calls.get(ref)
    if (call && call.events.length > 0) return { found: true, events: [...call.events] }
    const lives = this.#orphans.has(ref) || (!call && this.#context.sip.findCall(ref)?.isOver === false)
    return lives ? { found: true, events: [] } : { found: false, reason: 'cannot-tell' }
  }

  async probe(): Promise<boolean> {
    if (this.#closed || this.#reach.restMs > 0) return false
    try {
      this.#reach.doubt()
      const peer = await this.#reach.ready()
      if (this.#credentials === null || !this.#settings.probe) return true
      const answer = await this.#reach.ask(peer)
      return answer !== null && answer.status !== 401 && answer.status !== 407
    } catch {
      return false
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const call of this.#calls.values()) call.abandon()
    this.#registration?.close()
    this.#reach.close()
  }

  #begin(request: CallRequest, tell: (call: SipCall, event: CallEvent) => void): SipCall {
    const { clock } = this.#context
    const handedOverAtMs = clock.monotonicMs()
    const sendByMs = handedOverAtMs + request.sendWithinMs - SPARE_MS
    const call = new SipCall({
      request,
      clock,
      report: (event) => tell(call, event),
      heard: () => this.#reach.heard(),
      doubt: () => this.#reach.doubt(),
      doubtAfterMs: this.#reach.doubtAfterMs,
      refused: (status, retryAfter) => this.#onRefused(status, retryAfter),
    })
    this.#calls.set(request.ref, call)
    this.#send(call, { handedOverAtMs, sendByMs }).catch((error) => {
      this.#context.log.warn({ err: error }, 'A call could not be prepared')
      call.notSent('trunk-unreachable')
    })
    return call
  }

  /** Asks until something answers, or until the call must be over by itself. */
  async #endForGood(record: CallRecord): Promise<keyof typeof ORPHAN_ENDS> {
    const { sip, clock } = this.#context
    const certificateAuthority = this.#settings.certificateAuthority ?? null
    for (;;) {
      const authorization = new Authorization(this.#credentials)
      const end = await endOrphan(sip, record, { authorization, certificateAuthority })
      if (end !== 'unheard') return end
      const leftMs = record.endsByEpochMs - clock.nowEpochMs()
      if (leftMs <= 0 || this.#closed) return record.answered ? 'answered' : 'unknown'
      await sleep(clock, Math.min(leftMs, ORPHAN_AGAIN_MS))
    }
  }

  async #send(call: SipCall, times: { handedOverAtMs: number; sendByMs: number }): Promise<void> {
    const { clock } = this.#context
    const leftMs = () => times.sendByMs - clock.monotonicMs()
    if (!(await this.#unanswered.take(leftMs()))) {
      call.notSent('deadline-missed')
      return
    }
    let placed: OutgoingCall | null = null
    try {
      placed = await this.#write(call, leftMs, times.handedOverAtMs)
    } finally {
      if (placed === null) this.#unanswered.leave()
      else void placed.heard.then(() => this.#unanswered.leave())
    }
  }

  /** Null: not one byte was written, and that is told already. */
  async #write(call: SipCall, leftMs: () => number, handedOverAtMs: number): Promise<OutgoingCall | null> {
    const { clock, sip } = this.#context
    if (!(await sip.pace.turn(Math.max(0, leftMs())))) return unsent(call, 'deadline-missed')
    const ready = await this.#prepare(call, leftMs)
    if (ready === null) return null
    const advertisedAddress = sip.namesFor(ready.peer, 'carillon').host
    const sound = new CallSound(ready.session, { advertisedAddress, codecs: this.#settings.codecs })
    call.prepare(sound, ready.prompt)
    const waitMs = Math.min(this.#lag.waitMs(handedOverAtMs), Math.max(0, leftMs()))
    if (waitMs > 0) await sleep(clock, waitMs)
    if (this.#closed || call.isUnwanted) return unsent(call, 'stopped-before-send')
    const options = callOptions(this.#settings, { request: call.request, peer: ready.peer, sound, sip, clock })
    const authorization = new Authorization(this.#credentials)
    const redirect = this.#redirecting(call.request, leftMs)
    // Nothing may come between this look at the clock and the write.
    if (leftMs() <= 0) return unsent(call, 'deadline-missed')
    const placed = sip.call({ ...options, authorization, ...redirect }, call)
    if (placed === null) return unsent(call, 'trunk-unreachable')
    call.sent(placed)
    this.#lag.sent(handedOverAtMs)
    this.#forgetIfSilent(call, options.ringTimeoutMs)
    return placed
  }

  #redirecting(request: CallRequest, leftMs: () => number): Pick<OutgoingCallOptions, 'redirect'> {
    if (this.#settings.redirects === 'refuse') return {}
    const options = {
      settings: this.#settings,
      endpoint: this.#context.sip,
      credentials: this.#credentials,
      number: request.to,
      leftMs,
      names: this.#names,
    }
    return { redirect: (response) => followRedirect(response, options) }
  }

  /** Everything that takes time, side by side: the voice, the way to the trunk, then the sound. Null: told already. */
  async #prepare(
    call: SipCall,
    leftMs: () => number,
  ): Promise<{ peer: Peer; prompt: Prompt; session: MediaSession } | null> {
    const { voices, media, sip, log } = this.#context
    const { text, voice, recording } = call.request.speech
    const wanted = {
      text,
      ...(voice === undefined ? {} : { voice }),
      ...(recording === undefined ? {} : { recording }),
    }
    const prompt = voices.prepare(wanted, Math.max(0, leftMs()))
    prompt.catch(() => undefined)
    let session: MediaSession | null = null
    try {
      const peer = await this.#inTime(this.#reach.ready(), leftMs)
      if (this.#registration !== null && !(await this.#inTime(this.#registration.signedOn(), leftMs))) {
        throw new TrunkUnreachable('The trunk did not let us sign on')
      }
      const bindAddress = sip.namesFor(peer, 'carillon').localAddress
      const srtp = this.#settings.srtp === 'required'
      session = await media.open({ bindAddress, srtp, inactivitySeconds: INACTIVITY_SECONDS }, call)
      return { peer, prompt: await prompt, session }
    } catch (error) {
      void session?.close()
      if (error instanceof VoiceError && error.fault === 'failed') call.cannotBeSaid()
      else if (error instanceof VoiceError) call.notSent('voice-not-ready')
      else if (error instanceof MediaError && error.fault === 'no-free-port') call.notSent('no-media-port')
      else {
        log.warn({ err: error }, 'A call could not be sent to its trunk')
        call.notSent('trunk-unreachable')
      }
      return null
    }
  }

  #inTime<T>(promise: Promise<T>, leftMs: () => number): Promise<T> {
    const late = new Promise<never>((_resolve, reject) => {
      const error = new TrunkUnreachable('The trunk was not reached in time')
      this.#context.clock.setTimer(Math.max(0, leftMs()), () => reject(error))
    })
    return Promise.race([promise, late])
  }

  /** Nothing ever came for it: after its ring time and 32 s it is the core's to say `unknown`. */
  #forgetIfSilent(call: SipCall, ringTimeoutMs: number): void {
    const { clock, sip } = this.#context
    clock.setTimer(ringTimeoutMs + SIP_TRAITS.firstLookUpDelayMs + REMEMBERED_MS, () => {
      if (call.events.length > 0) return
      const placed = sip.findCall(call.request.ref)
      if (placed) sip.forget(placed)
      call.abandon()
      this.#calls.delete(call.request.ref)
    })
  }

  #onRefused(status: number, retryAfterSeconds: number | null): void {
    if (status === 503) this.#reach.rest(retryAfterSeconds)
  }

  #tell(call: SipCall, event: CallEvent): void {
    if (this.#closed) return
    const { ref } = call.request
    const isLast = event.kind === 'ended' || event.kind === 'not-sent'
    const forget = () => {
      if (this.#calls.get(ref) === call) this.#calls.delete(ref)
    }
    this.#context.report(event, isLast ? forget : undefined)
    if (isLast) this.#context.clock.setTimer(REMEMBERED_MS, forget)
  }
}
