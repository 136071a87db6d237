import type { JsonObject } from '../../commands/context.ts'
import type { AttemptView, BatchView, CallView, RecipientView } from '../../commands/views.ts'
import type { Cause } from '../../model/cause.ts'
import { type AttemptDisposition, isAttemptDisposition, type Outcome } from '../../model/disposition.ts'
import { mediumOf, textOf } from './encode.ts'
import type { Call, EndReason } from './wire.ts'

/** One dial of one recipient, in whichever way it was read. */
export interface CallFacts {
  readonly id: string
  readonly createdAt: Date
  readonly joinedAt: Date | null
  readonly endedAt: Date | null
  /** Null while it lives. */
  readonly disposition: AttemptDisposition | null
  readonly cause: Cause
}

/** Everything that is told of a call. */
export interface CallReading {
  readonly facts: CallFacts
  readonly agent: { readonly id: string; readonly name: string }
  readonly medium: JsonObject | null
  readonly metadata: unknown
  readonly experimentalSettings: unknown
  /** As {@link callSettingsOf} made them; null where the call was made in another wire format. */
  readonly settings: unknown
}

/** What is known of a call only where it is answered. */
export interface CallExtras {
  /** Where it may be joined; null for a call that is placed from here. */
  readonly joinUrl: string | null
  /** Of the agent; absent where it was not read. */
  readonly systemPrompt?: string | null
}

/** A dial of a recipient of a batch. */
export function readingOf(facts: CallFacts, recipient: RecipientView, batch: BatchView): CallReading {
  return {
    facts,
    agent: batch.agent,
    medium: mediumOf(recipient, batch),
    metadata: recipient.metadata,
    experimentalSettings: recipient.dialectFields?.experimentalSettings ?? null,
    settings: batch.dialectFields?.callSettings,
  }
}

/** A call by itself, also one that was not dialled yet. */
export function readingOfCall(view: CallView): CallReading {
  const { id, dialedAt, startAt, answeredAt, endedAt, outcome, cause, dialectFields } = view
  const disposition = outcome === null ? null : dispositionOf(outcome)
  return {
    facts: { id, createdAt: dialedAt ?? startAt, joinedAt: answeredAt, endedAt, disposition, cause },
    agent: view.agent,
    medium: (dialectFields?.medium as JsonObject | undefined) ?? null,
    metadata: view.metadata,
    experimentalSettings: dialectFields?.experimentalSettings ?? null,
    settings: view.batchFields?.callSettings,
  }
}

/** How an answered call ended, by its cause; whatever is not here was ended by the agent. */
const END_OF_CAUSE: Partial<Record<Cause, EndReason>> = {
  'callee-hung-up': 'hangup',
  'suppressed-by-callee': 'hangup',
  'max-duration': 'timeout',
  inactivity: 'timeout',
  'agent-unreachable': 'system_error',
  'agent-error': 'system_error',
  'media-lost': 'connection_error',
  'node-lost': 'connection_error',
  'shut-down': 'system_error',
}

/** Null: an answered call, whose cause says more. */
const END_OF_DISPOSITION = {
  answered: null,
  voicemail: null,
  busy: 'unjoined',
  'no-answer': 'unjoined',
  rejected: 'unjoined',
  cancelled: 'unjoined',
  expired: 'unjoined',
  failed: 'connection_error',
  unknown: 'connection_error',
  'not-sent': 'system_error',
} as const satisfies Record<AttemptDisposition, EndReason | null>

const TERMINATIONS: Partial<Record<AttemptDisposition, string>> = {
  answered: 'SIP_TERMINATION_NORMAL',
  voicemail: 'SIP_TERMINATION_NORMAL',
  busy: 'SIP_TERMINATION_BUSY',
  'no-answer': 'SIP_TERMINATION_TIMEOUT',
  rejected: 'SIP_TERMINATION_REJECTED',
  failed: 'SIP_TERMINATION_DESTINATION_UNAVAILABLE',
  cancelled: 'SIP_TERMINATION_CANCELED',
}

export function factsOfAttempt(attempt: AttemptView): CallFacts {
  const { id, dialedAt, answeredAt, endedAt, disposition, cause } = attempt
  return { id, createdAt: dialedAt, joinedAt: answeredAt, endedAt, disposition, cause }
}

/** The latest dial of a recipient; null when there was none. */
export function factsOfLatest(recipient: RecipientView): CallFacts | null {
  const { latestAttemptId, lastDialedAt, outcome } = recipient
  if (latestAttemptId === null || lastDialedAt === null) return null
  const isOver = recipient.state === 'ended' || recipient.state === 'due'
  return {
    id: latestAttemptId,
    createdAt: lastDialedAt,
    joinedAt: recipient.answeredAt,
    endedAt: isOver ? recipient.lastEndedAt : null,
    disposition: isOver ? dispositionOf(outcome) : null,
    cause: recipient.cause,
  }
}

function dispositionOf(outcome: Outcome | null): AttemptDisposition {
  return outcome !== null && isAttemptDisposition(outcome) ? outcome : 'failed'
}

function endReasonOf({ disposition, cause }: CallFacts): EndReason | null {
  if (disposition === null) return null
  return END_OF_DISPOSITION[disposition] ?? END_OF_CAUSE[cause] ?? 'agent_hangup'
}

export function encodeCall(reading: CallReading, { joinUrl, systemPrompt = null }: CallExtras): Call {
  const { facts, agent, medium } = reading
  const settings = objectOf(reading.settings) ?? callSettingsOf({})
  const isOutgoing = Object.values(medium ?? {}).some((value) => (value as JsonObject).outgoing !== undefined)
  const isOver = facts.disposition !== null
  return {
    callId: facts.id,
    clientVersion: null,
    created: facts.createdAt.toISOString(),
    joined: facts.joinedAt?.toISOString() ?? null,
    ended: facts.endedAt?.toISOString() ?? null,
    endReason: endReasonOf(facts),
    // Nothing is billed here; the status says so.
    billedDuration: isOver ? '0s' : null,
    billedSideInputTokens: isOver ? 0 : null,
    billedSideOutputTokens: isOver ? 0 : null,
    billingStatus: isOver ? 'BILLING_STATUS_FREE_OTHER' : 'BILLING_STATUS_PENDING',
    firstSpeaker: isOutgoing ? 'FIRST_SPEAKER_USER' : 'FIRST_SPEAKER_AGENT',
    ...(settings as ReturnType<typeof callSettingsOf>),
    firstSpeakerSettings: objectOf(settings.firstSpeakerSettings) ?? (isOutgoing ? { user: {} } : { agent: {} }),
    systemPrompt,
    joinUrl: facts.endedAt === null ? joinUrl : null,
    medium,
    shortSummary: null,
    summary: null,
    agent: { agentId: agent.id, name: agent.name },
    agentId: agent.id,
    experimentalSettings: reading.experimentalSettings,
    metadata: textsOf(reading.metadata),
    initialState: {},
    requestContext: {},
    sipDetails:
      medium?.sip === undefined
        ? null
        : { billedDuration: null, terminationReason: (facts.disposition && TERMINATIONS[facts.disposition]) ?? null },
  }
}

/**
 * What an agent's template says about its calls, with the defaults of the vendor's schema. It is stored with each batch,
 * so that a call shows what it was made with.
 */
export function callSettingsOf(template: Record<string, unknown>) {
  const { initialOutputMedium, model } = template
  return {
    initialOutputMedium:
      initialOutputMedium === 'MESSAGE_MEDIUM_TEXT'
        ? ('MESSAGE_MEDIUM_TEXT' as const)
        : ('MESSAGE_MEDIUM_VOICE' as const),
    joinTimeout: textOf(template.joinTimeout) ?? '30s',
    maxDuration: textOf(template.maxDuration) ?? '3600s',
    firstSpeakerSettings: objectOf(template.firstSpeakerSettings),
    languageHint: textOf(template.languageHint),
    ...(typeof model === 'string' ? { model } : {}),
    recordingEnabled: template.recordingEnabled === true,
    temperature: typeof template.temperature === 'number' ? template.temperature : 0,
    timeExceededMessage: textOf(template.timeExceededMessage),
    voice: textOf(template.voice),
  }
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null
}

/** Metadata of calls is texts by name; what a batch of another wire format has beside texts is written as JSON. */
function textsOf(metadata: unknown): Record<string, string> {
  const entries = Object.entries(objectOf(metadata) ?? {})
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}
