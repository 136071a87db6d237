import type { BatchStatus } from './batch.ts'
import { type CallingWindow, windowState } from './calling-window.ts'
import type { DueReason } from './due-reason.ts'

/** Why somebody is not being called now. */
export const WAITING_REASONS = [
  'not-started-yet',
  'batch-paused',
  'not-before',
  'retry-gap',
  'number-in-call',
  'same-number-before',
  'unknown-zone',
  'outside-calling-window',
  'trunk-unreachable',
  'organization-limit',
  'batch-limit',
  'trunk-limit',
  'calls-per-second',
  'throttled',
  'in-line',
] as const
export type WaitingReason = (typeof WAITING_REASONS)[number]

export interface Waiting {
  readonly reason: WaitingReason
  /** One sentence for people. */
  readonly text: string
  /** When it is tried next, as far as that can be told; null: it depends on what somebody does or on calls that end. */
  readonly nextTryAt: Date | null
  /** How many are before it in the same line (for a batch: how many wait); null for who is not in a line. */
  readonly position: number | null
}

/** One of the limits, and how much of it is used. */
export interface LimitUse {
  readonly live: number
  readonly liveMax: number
}

/** All that decides whether somebody may be called now. */
export interface WaitingFacts {
  readonly now: Date
  readonly batch: LimitUse & {
    readonly status: BatchStatus
    readonly startAt: Date | null
    readonly callingWindow: CallingWindow | null
  }
  readonly organization: LimitUse
  readonly trunk: LimitUse & {
    readonly callsPerSecond: number
    /** Nothing is dialled through it until then. */
    readonly blockedUntil: Date | null
  }
  /** Until when a throttle lets no call of the batch start; null: there is none, or it lets one start now. */
  readonly throttledUntil: Date | null
  /** The zones the person may be in. */
  readonly zones: readonly string[]
  /** Of who is to be tried at an instant; null for who is in line or held back. */
  readonly due: { readonly at: Date; readonly reason: DueReason } | null
  /** Waits until a recipient with the same number is final. */
  readonly heldBack: boolean
  /** How many are before it in line. */
  readonly position: number | null
}

const REASON_OF_DUE = {
  retry: 'retry-gap',
  'not-before': 'not-before',
  'number-in-call': 'number-in-call',
  'not-sent': 'in-line',
  'same-number-before': 'in-line',
  'asked-again': 'in-line',
} as const satisfies Record<DueReason, WaitingReason>

const TEXTS = {
  'not-started-yet': 'The batch has not started yet',
  'batch-paused': 'The batch is paused',
  'not-before': 'The person is not to be called before this time',
  'retry-gap': 'The time between two dials has not passed yet',
  'number-in-call': 'The number is in another call; it is tried again every few seconds',
  'same-number-before': 'An earlier recipient with the same number comes first',
  'unknown-zone':
    'The time zone of the person is not known, so nobody can tell whether the calling window is open there',
  'outside-calling-window': 'It is outside the calling window',
  'trunk-unreachable': 'The trunk fails; it is tried again with growing pauses',
  'organization-limit': 'The organization has as many calls as it may have at once',
  'batch-limit': 'The batch has as many calls as it may have at once',
  'trunk-limit': 'The trunk has as many calls as it may have at once',
  'calls-per-second': 'The trunk starts no more calls in a second',
  throttled: 'The throttle of the batch lets no more calls start in its window of time',
  'in-line': 'It is next in line',
} as const satisfies Record<WaitingReason, string>

/**
 * The first thing that keeps somebody from being called, in the order in which each would have to go away. Pure: the
 * facts are one moment's, the answer is not later than they are.
 */
export function whyWaiting(facts: WaitingFacts): Waiting {
  const { now, batch, due } = facts
  if (batch.status === 'draft') return waiting(facts, 'not-started-yet', null)
  if (batch.status === 'scheduled') return waiting(facts, 'not-started-yet', whenOpen(facts, batch.startAt))
  if (batch.status === 'paused') return waiting(facts, 'batch-paused', null)
  if (facts.heldBack) return waiting(facts, 'same-number-before', null)
  if (due !== null && due.at > now && REASON_OF_DUE[due.reason] !== 'in-line') {
    return waiting(facts, REASON_OF_DUE[due.reason], whenOpen(facts, due.at))
  }
  const window = windowState(batch.callingWindow, facts.zones, now)
  if (!window.open) {
    const reason = window.reason === 'unknown-zone' ? 'unknown-zone' : 'outside-calling-window'
    return waiting(facts, reason, window.opensAt)
  }
  return limited(facts)
}

function limited(facts: WaitingFacts): Waiting {
  const { now, organization, batch, trunk, throttledUntil, position } = facts
  if (trunk.blockedUntil !== null && trunk.blockedUntil > now) {
    return waiting(facts, 'trunk-unreachable', trunk.blockedUntil)
  }
  if (organization.live >= organization.liveMax) return waiting(facts, 'organization-limit', null)
  if (batch.live >= batch.liveMax) return waiting(facts, 'batch-limit', null)
  if (trunk.live >= trunk.liveMax) return waiting(facts, 'trunk-limit', null)
  if (throttledUntil !== null && throttledUntil > now) return waiting(facts, 'throttled', throttledUntil)
  const ahead = position ?? 0
  const inSeconds = ahead / trunk.callsPerSecond
  const freeSlots = Math.min(
    organization.liveMax - organization.live,
    batch.liveMax - batch.live,
    trunk.liveMax - trunk.live,
  )
  const nextTryAt = ahead < freeSlots ? new Date(now.getTime() + Math.round(inSeconds * 1_000)) : null
  return waiting(facts, inSeconds >= 1 ? 'calls-per-second' : 'in-line', nextTryAt)
}

/** An instant, or when the window opens after it; null when that cannot be told. */
function whenOpen(facts: WaitingFacts, at: Date | null): Date | null {
  if (at === null) return null
  const from = at > facts.now ? at : facts.now
  const window = windowState(facts.batch.callingWindow, facts.zones, from)
  return window.open ? from : window.opensAt
}

function waiting(facts: WaitingFacts, reason: WaitingReason, nextTryAt: Date | null): Waiting {
  return { reason, text: `${TEXTS[reason]}.`, nextTryAt, position: facts.position }
}
