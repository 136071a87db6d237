import type { AttemptStatus } from '../model/attempt-transitions.ts'
import type { BatchStatus, DuplicateNumbers } from '../model/batch.ts'
import type { AnsweredBy } from '../model/call-event.ts'
import type { CallingWindow } from '../model/calling-window.ts'
import type { Cause } from '../model/cause.ts'
import type { AttemptDisposition, Outcome } from '../model/disposition.ts'
import type { DueReason } from '../model/due-reason.ts'
import type { EventKind } from '../model/event-kind.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import type { ThrottleRule } from '../model/throttle.ts'
import type { UsageLimits } from '../model/usage-limits.ts'
import type { JsonObject, JsonValue } from './context.ts'

/**
 * What the commands answer. Ids are UUIDs; telephone numbers are E.164 with the plus; instants are Dates. A dialect
 * spells them in its own way.
 */
export interface OrganizationView {
  readonly id: string
  readonly name: string
  readonly aliases: readonly string[]
  /** ISO 3166 code of the country of numbers without a plus; null: such numbers are refused. */
  readonly defaultCountry: string | null
  /** Null: the country of the caller's number, and on trunks that ring no real telephone every country. */
  readonly allowedCountries: readonly string[] | null
  readonly defaultNumberId: string | null
  readonly liveMax: number
  /** What all its keys together may do at most; null: nothing is said. */
  readonly limits: UsageLimits | null
  /** Null: what the installation says. */
  readonly retentionDays: number | null
  readonly createdAt: Date
}

export interface OrganizationUsage {
  readonly liveMax: number
  readonly live: number
  readonly openBatches: number
  readonly batches: number
  readonly attempts: number
  readonly talkSeconds: number
}

export interface CredentialView {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly revokedAt: Date | null
  /** To a minute; null: it was not used yet. */
  readonly lastUsedAt: Date | null
  /** What it may do at most; null: no more is said of it than of the organization. */
  readonly limits: UsageLimits | null
  /** `read`: it changes nothing. */
  readonly access: KeyAccess
  /** From when on it is refused; null: it does not end by itself. */
  readonly expiresAt: Date | null
  /** Where requests with it may come from, as addresses and ranges; null: from anywhere. */
  readonly allowedAddresses: readonly string[] | null
}

export type KeyAccess = 'full' | 'read'

export interface TrunkView {
  readonly id: string
  readonly name: string
  readonly carrier: string
  /** Without its secrets. */
  readonly settings: JsonObject
  /** Names of secret settings that are set; what they are is never shown. */
  readonly secretSettings: readonly string[]
  readonly liveMax: number
  readonly live: number
  readonly callsPerSecond: number
  /** Nothing is dialled through it until then, since it fails. */
  readonly blockedUntil: Date | null
  /** Names under which wire formats ask for it, such as that of a medium. */
  readonly aliases: readonly string[]
  readonly createdAt: Date
}

/** At most so many calls in any window, for the batches that name it. */
export interface ThrottleView {
  readonly id: string
  readonly name: string
  readonly rules: readonly ThrottleRule[]
  readonly createdAt: Date
}

export interface NumberView {
  readonly id: string
  readonly number: string
  readonly trunkId: string
  readonly aliases: readonly string[]
  readonly createdAt: Date
}

export interface AgentView {
  readonly id: string
  readonly name: string
  readonly kind: string
  readonly settings: JsonObject
  /** What the dialect that made it must be able to repeat. */
  readonly dialectFields: JsonObject | null
  readonly defaultNumberId: string | null
  readonly aliases: readonly string[]
  /** What its owner should look at: the settings were taken all the same. */
  readonly warnings: readonly string[]
  readonly createdAt: Date
  readonly archivedAt: Date | null
}

export interface SuppressionView {
  readonly number: string
  readonly reason: string
  readonly createdAt: Date
}

export interface BatchView {
  readonly id: string
  readonly name: string
  readonly dialect: string
  /** Made for one call; lists of batches do not show it. */
  readonly isSingle: boolean
  readonly status: BatchStatus
  readonly agent: { readonly id: string; readonly name: string; readonly aliases: readonly string[] }
  /** Empty when nobody of it is called from here. */
  readonly callerNumber: string
  readonly callerNumberId: string | null
  readonly trunk: { readonly id: string; readonly name: string; readonly carrier: string }
  /** Calls at once at most. */
  readonly concurrency: number
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly callingWindow: CallingWindow | null
  readonly retryPolicy: RetryPolicy
  readonly duplicateNumbers: DuplicateNumbers
  /** Header of the uploaded file; null when the recipients came as JSON. */
  readonly columns: readonly string[] | null
  readonly phoneColumn: number | null
  readonly rejectedRows: number
  /** How often people of it were asked to be called again. */
  readonly retryCount: number
  readonly metadata: JsonObject | null
  /** What the dialect that made it must be able to repeat. */
  readonly dialectFields: JsonObject | null
  readonly createdAt: Date
  /** Of the last command that changed it. */
  readonly updatedAt: Date
  readonly startAt: Date | null
  readonly expiresAt: Date | null
  readonly startedAt: Date | null
  readonly lastDialedAt: Date | null
  readonly completedAt: Date | null
  readonly figures: BatchFigures
}

/** total = waiting + due + live + settled; settled is the sum of the outcomes. */
export interface BatchFigures {
  readonly total: number
  /** Not taken up yet. */
  readonly waiting: number
  /** Taken up, to be tried (again) at an instant. */
  readonly due: number
  readonly live: number
  readonly settled: number
  readonly dialing: number
  readonly accepted: number
  readonly ringing: number
  readonly talking: number
  /** Dials so far, live ones included, those that were never sent excluded. */
  readonly attempts: number
  readonly talkSeconds: number
  readonly outcomes: Readonly<Record<Outcome, number>>
}

/** Where a recipient is: not taken up, to be tried again, in a call that has reached a state, or final. */
export const RECIPIENT_STATES = ['waiting', 'due', 'dialing', 'accepted', 'ringing', 'answered', 'ended'] as const
export type RecipientState = (typeof RECIPIENT_STATES)[number]

export interface RecipientView {
  /** A UUID made from what it stands for; the same at every reading. */
  readonly id: string
  readonly batchId: string
  /** Position in the batch from 1, lane by lane. */
  readonly seq: number
  /** Line of the uploaded file (the header is line 1), or ordinal in the posted list from 1. */
  readonly line: number
  /** Empty for somebody who is not called but brought by somebody else. */
  readonly number: string
  readonly state: RecipientState
  /** Null until it is final. */
  readonly outcome: Outcome | null
  readonly cause: Cause
  /** The cause in words, empty while there is none. */
  readonly causeText: string
  readonly answeredBy: AnsweredBy | null
  /** Dials so far, the live one included, those that were never sent excluded. */
  readonly attempts: number
  readonly firstDialedAt: Date | null
  readonly lastDialedAt: Date | null
  readonly answeredAt: Date | null
  readonly lastEndedAt: Date | null
  /** When the outcome was reached; null until it is final. */
  readonly finishedAt: Date | null
  readonly talkSeconds: number
  readonly keysPressed: string | null
  /** Id of the latest dial; null before the first. */
  readonly latestAttemptId: string | null
  /** When it is tried (again), and why then; for state `due`. */
  readonly dueAt: Date | null
  readonly dueReason: DueReason | null
  /** Values by name; for an uploaded file its other columns. */
  readonly variables: JsonObject
  readonly metadata: JsonValue | null
  /** What the dialect that made it must be able to repeat of it. */
  readonly dialectFields: JsonObject | null
}

export interface AttemptView {
  /** The reference that the carrier was given, as a UUID. */
  readonly id: string
  readonly n: number
  readonly state: AttemptStatus
  readonly disposition: AttemptDisposition | null
  readonly cause: Cause
  readonly causeText: string
  readonly answeredBy: AnsweredBy | null
  readonly sipStatus: number | null
  /** The telephone network's own cause (ITU-T Q.850). */
  readonly q850Cause: number | null
  readonly carrierCallId: string | null
  readonly dialedAt: Date
  readonly acceptedAt: Date | null
  readonly ringingAt: Date | null
  readonly answeredAt: Date | null
  readonly endedAt: Date | null
  readonly keysPressed: string | null
  readonly spokenText: string | null
}

/** One call: a dial of somebody on a list, or a call that was asked for by itself. */
export interface CallView extends Omit<AttemptView, 'n' | 'state' | 'dialedAt'> {
  /** That of the attempt; a call that was asked for by itself has it from the start. */
  readonly id: string
  readonly recipientId: string
  /** Null for a call that was asked for by itself. */
  readonly batchId: string | null
  /** Of the batch, or of the call itself. */
  readonly dialect: string
  readonly agent: BatchView['agent']
  /** Empty when it is not placed from here. */
  readonly from: string
  /** Empty for somebody who is brought by somebody else. */
  readonly to: string
  /** `waiting` and `due` only for a call that was asked for by itself. */
  readonly state: RecipientState
  /** Null until it is over. */
  readonly outcome: Outcome | null
  /** When it was dialled; before that, when it was asked to begin. */
  readonly startAt: Date
  readonly dialedAt: Date | null
  readonly variables: JsonObject
  readonly metadata: JsonValue | null
  /** What the dialect that made it must be able to repeat: of the recipient, and of its batch. */
  readonly dialectFields: JsonObject | null
  readonly batchFields: JsonObject | null
  /** When what was said in it was erased. */
  readonly erasedAt: Date | null
}

/** One entry of the event log. */
export interface EventView {
  /** `<block>.<index>`: unique in the organization, and the id of its webhook. */
  readonly id: string
  readonly kind: EventKind
  readonly at: Date
  readonly batchId: string
  /** Null for what concerns the batch as a whole. */
  readonly recipientId: string | null
  readonly attemptId: string | null
  /** The disposition or outcome it speaks of. */
  readonly outcome: Outcome | null
  /** How many recipients it ends, for `lane-closed`: those with consecutive `seq` from `firstSeq` on. */
  readonly range: { readonly firstSeq: number; readonly count: number } | null
}

export interface RejectedRowView {
  readonly line: number
  readonly column: string
  readonly value: string
  readonly reason: string
  readonly remedy: string
}

/** An endpoint that is told of events. Its secret is never shown again. */
export interface WebhookView {
  readonly id: string
  /** Empty when it was given none. */
  readonly name: string
  readonly url: string
  readonly form: string
  readonly formFields: JsonObject | null
  /** Null: all that its form can tell. */
  readonly kinds: readonly EventKind[] | null
  /** Null: all agents. */
  readonly agentIds: readonly string[] | null
  /** Null: all batches. */
  readonly batchIds: readonly string[] | null
  /** `disabled` by its owner, `paused` by the deliverer: then the reason says why, and `active: true` sets it going. */
  readonly status: 'active' | 'disabled' | 'paused'
  readonly pausedAt: Date | null
  readonly pausedReason: string | null
  /** Tries that failed since the last one that was taken. */
  readonly failuresInRow: number
  readonly failingSince: Date | null
  readonly lastDeliveredAt: Date | null
  readonly lastError: string | null
  /** Nothing is sent before, since it asked for rest or fails. */
  readonly blockedUntil: Date | null
  /** Until then webhooks are signed with the secret before, too. */
  readonly previousSecretUntil: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number]

/** One event for one endpoint, and what became of it. */
export interface DeliveryView {
  /** Also the id that the receiver sees; the same at every try. */
  readonly eventId: string
  readonly webhookId: string
  readonly event: EventView
  readonly status: DeliveryStatus
  readonly tries: number
  /** Null when it is settled, or waits for an earlier event of the same recipient. */
  readonly nextTryAt: Date | null
  readonly lastTryAt: Date | null
  readonly httpStatus: number | null
  /** The first 1024 bytes of the last answer. */
  readonly answer: string | null
  /** What went wrong at the last try, in words; null when it was taken. */
  readonly error: string | null
  readonly tookMs: number | null
  readonly createdAt: Date
}
