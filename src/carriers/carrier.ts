import type { ZodType } from 'zod'
import type { Clock } from '../clock.ts'
import type { MediaEngine } from '../media/media-engine.ts'
import type { CallEvent } from '../model/call-event.ts'
import type { CallJoined, JoiningCaller, Seat } from '../model/joined-call.ts'
import type { SipEndpoint } from '../sip/endpoint.ts'
import type { AddressGuard } from '../targets/target-guard.ts'
import type { VoiceChoice, Voices } from '../voices/voices.ts'

/**
 * How a call leaves the building. A carrier is one account at one provider (a trunk), opened once per node.
 *
 * What a carrier is not: it keeps no state that matters (the store does), it decides nothing about retries,
 * limits or hours, and it never sends a create-call request a second time.
 */
export interface Carrier {
  readonly traits: CarrierTraits
  /**
   * Sends at most one create-call request, now or never, and returns at once. What becomes of it is told
   * through `CarrierContext.report`. An answer that leaves doubt (a timeout, a reset, a 5xx after the first
   * byte) is told as nothing at all: reconciliation will look.
   */
  place(request: CallRequest): void
  /** Asks the carrier to end a call. May be called twice, and for a call that is already over. */
  hangUp(call: CallHandle): void
  /**
   * Ends a live call whose node is gone, from the `carrierState` that node had told last, and reports its end. Asked
   * once for each call that is taken over. Absent where calls go on without the node that placed them.
   */
  endOrphan?(call: OrphanedCall): void
  /**
   * This node was taken for dead and the call belongs to another one now: what of it lives in this process alone ends,
   * and nothing is told of it. Absent where whoever took it over ends it at the other side.
   */
  abandon?(call: CallHandle): void
  /** Whether the call waits here for somebody to join it. Absent, as `join` is, where calls are not joined. */
  seatOf?(ref: string): Seat
  /** Connects somebody with the call that waits for them; null: its seat is not free. */
  join?(ref: string, caller: JoiningCaller): CallJoined | null
  /** What the carrier knows of an attempt. Asked when an answer is missing or a call has gone silent. */
  lookUp(call: CallHandle): Promise<LookUpAnswer>
  /**
   * Rings one telephone outside of any batch and tells everything that can be told about the way there. Nothing of it is
   * reported as evidence. Absent where there is nothing between us and the network to look at.
   */
  testCall?(request: CallRequest): Promise<readonly TestFinding[]>
  /** True when the carrier can be reached and takes our credentials. Rings nobody. */
  probe(): Promise<boolean>
  /**
   * Verifies and decodes what the provider posted to this trunk's callback address.
   * Absent for carriers whose events come in-process.
   */
  decodeCallback?(callback: CarrierCallback): CallbackAnswer
  /** Resolves when nothing of this carrier will report any more. Calls that live at the provider go on. */
  close(): Promise<void>
}

export interface CarrierTraits {
  /**
   * True when the provider can be asked for a call by our reference, and its answer "no such call" is complete.
   */
  readonly lookUpIsComplete: boolean
  /** How long after `sendNotAfter` the first look-up for an unanswered create-call is made. */
  readonly firstLookUpDelayMs: number
  /** Pauses between further look-ups; after the last miss the attempt ends `unknown`. */
  readonly nextLookUpDelaysMs: readonly number[]
  /** A live call without news for this long is polled. */
  readonly pollSilentCallAfterMs: number
  /**
   * True when a create-call that was never answered may still ring somebody: the delays above then begin when its ring
   * timeout is over.
   */
  readonly ringsUnseen?: boolean
}

/** Everything a carrier needs for one call; it is the committed intent, word for word. */
export interface CallRequest {
  /** Our reference: 32 lower-case hex digits, the same for every event and look-up of this attempt. */
  readonly ref: string
  /** E.164 with the plus. */
  readonly to: string
  /** E.164 with the plus. */
  readonly from: string
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly speech: AgentSpeech
  /** The first byte of the request is written within this long after `place`, or never: then it is `not-sent`. */
  readonly sendWithinMs: number
}

/** What the agent will do after the answer, decided before the call is placed so that nobody waits in silence. */
export interface AgentSpeech {
  readonly text: string
  /** Zero: hang up after the text. Else wait this long for a key after it. */
  readonly waitForKeySeconds: number
  /** The key that plays it again. */
  readonly repeatKey?: string
  /** The key that ends the call at once; that it also suppresses is not the carrier's affair. */
  readonly stopKey?: string
  /** Who speaks it. Absent: the installation's voice. */
  readonly voice?: VoiceChoice
  /** A recording that is played instead of speaking the text. */
  readonly recording?: string
}

export interface CallHandle {
  readonly ref: string
  readonly carrierCallId: string | null
  readonly placedAtEpochMs: number
}

/** One thing that a test call has shown, in plain words. */
export interface TestFinding {
  readonly level: 'ok' | 'note' | 'bad'
  /** What was looked at, such as `dns`. */
  readonly step: string
  readonly text: string
  readonly remedy?: string
}

export interface OrphanedCall extends CallHandle {
  readonly carrierState: string | null
}

/** `found` carries the events that bring our row to the carrier's truth, oldest first. */
export type LookUpAnswer =
  | { readonly found: true; readonly events: readonly CallEvent[] }
  | { readonly found: false; readonly reason: 'absent' | 'cannot-tell' }

export interface CarrierCallback {
  readonly method: string
  /** Path and query below the trunk's callback address. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

/** The provider gets `status` only after the events are durable. */
export interface CallbackAnswer {
  readonly status: number
  readonly events: readonly CallEvent[]
}

export interface CarrierContext {
  readonly clock: Clock
  /** Hands evidence to the core. `onDurable` runs after it is committed; never for evidence of unknown calls. */
  readonly report: (event: CallEvent, onDurable?: () => void) => void
  readonly log: CarrierLog
  /**
   * Asks the server of whoever made the batch to bring the person of this attempt, once; for carriers whose calls
   * somebody else places. Nothing is written later than `sendWithinMs` after it was asked for. Never rejects.
   */
  readonly invite?: (ref: string, sendWithinMs: number) => Promise<InvitationAnswer>
  /** Asked before each connection to an address that a user gave. */
  readonly targets: AddressGuard
  /** Where the provider can reach this trunk on any node: `<public url>/carriers/<trunk id>`. */
  readonly callbackUrl: string
  /** The sound of calls that this process carries itself. */
  readonly media: MediaEngine
  /** Makes what is said into sound before a call is placed. */
  readonly voices: Voices
  /** The SIP side of this process. Binds no port before it is used. */
  readonly sip: SipEndpoint
}

/** `refused`: also when no answer came. `not-sent`: no byte of the invitation was written. */
export type InvitationAnswer = 'joinable' | 'cannot-be-joined' | 'refused' | 'not-sent'

export interface CarrierLog {
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
}

/** One entry of the registry: a kind of trunk. */
export interface CarrierKind<Settings = unknown> {
  /** The word in `trunk.carrier`, and the folder's name. */
  readonly kind: string
  readonly summary: string
  /**
   * A text that nobody may see again carries `.meta({ secret: true })`: it is stored sealed and never shown. A URL that is
   * connected to carries `.meta({ target: true })`: it is judged before it is stored, and again by `context.targets`.
   */
  readonly settings: ZodType<Settings>
  /** True when any E.164-shaped number may be dialled and no country is refused: no real telephone rings. */
  readonly takesAnyNumber: boolean
  /** True when nobody is called: recipients have no number and are brought by somebody else. */
  readonly isJoined?: boolean
  open(settings: Settings, context: CarrierContext): Carrier
}
