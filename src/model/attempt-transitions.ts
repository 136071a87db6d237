import type { AttemptDisposition } from './disposition.ts'

/** What an attempt has reached, lowest first. A live call only moves to the right. */
export const ATTEMPT_STATUSES = ['dialing', 'accepted', 'ringing', 'answered', 'ended'] as const
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number]

/** The kinds of evidence about a call that can move an attempt. */
export const ATTEMPT_EVIDENCE = ['accepted', 'ringing', 'answered', 'ended'] as const
export type AttemptEvidence = (typeof ATTEMPT_EVIDENCE)[number]

/** The numbers stand in the database and are the ranks by which SQL merges: none may be changed. */
const CODES = {
  dialing: 1,
  accepted: 2,
  ringing: 3,
  answered: 4,
  ended: 5,
} as const satisfies Record<AttemptStatus, number>

/**
 * What each evidence makes of each status. Evidence may come late, twice and in any order; what is not higher than
 * the status already reached is `stale` and changes nothing, so every order of the same evidence ends alike.
 */
const NEXT = {
  dialing: { accepted: 'accepted', ringing: 'ringing', answered: 'answered', ended: 'ended' },
  accepted: { accepted: 'stale', ringing: 'ringing', answered: 'answered', ended: 'ended' },
  ringing: { accepted: 'stale', ringing: 'stale', answered: 'answered', ended: 'ended' },
  answered: { accepted: 'stale', ringing: 'stale', answered: 'stale', ended: 'ended' },
  ended: { accepted: 'stale', ringing: 'stale', answered: 'stale', ended: 'stale' },
} as const satisfies Record<AttemptStatus, Record<AttemptEvidence, AttemptStatus | 'stale'>>

/** The status after some evidence, or `stale` when the attempt was there or further already. */
export function nextStatus(status: AttemptStatus, evidence: AttemptEvidence): AttemptStatus | 'stale' {
  return NEXT[status][evidence]
}

/**
 * Whether an attempt may still be declared never sent. Once the carrier said anything about a call, it was sent.
 */
export function canBecomeNotSent(status: AttemptStatus): boolean {
  return status === 'dialing'
}

/** The small number, which is also the rank, of a status. */
export function codeOfStatus(status: AttemptStatus): number {
  return CODES[status]
}

/** The status a number stands for. Throws RangeError for a number no version of ours has written. */
export function statusFromCode(code: number): AttemptStatus {
  const status = ATTEMPT_STATUSES[code - 1]
  if (status === undefined) throw new RangeError(`No status of an attempt has the number ${code}`)
  return status
}

/**
 * Stale evidence can still bring the carrier's id of the call. The first id known stays; `conflict` says that the
 * carrier named another one, which means that two calls may exist for one attempt and is worth an alarm.
 */
export function mergeCarrierCallId(
  known: string | null,
  reported: string | null | undefined,
): { carrierCallId: string | null; conflict: boolean } {
  const news = reported || null
  return { carrierCallId: known ?? news, conflict: known !== null && news !== null && known !== news }
}

/** Evidence that arrives when the attempt has ended and its live row is gone. */
export type LateEvidence =
  | { readonly kind: 'accepted' | 'ringing' | 'answered' }
  | { readonly kind: 'ended'; readonly disposition: AttemptDisposition }

/**
 * What late evidence is worth, given the disposition that was recorded.
 * - `correct`: the outcome was `unknown` and is known now; replace it and move the counters by the difference (a
 *   correction to `not-sent` makes the recipient due again).
 * - `reopen`: the outcome was `unknown` and the call lives; put it back and withdraw the recipient's next dial.
 * - `conflict`: it contradicts a definite end; count it, change nothing.
 * - `stale`: nothing new.
 */
export type LateVerdict = 'correct' | 'reopen' | 'conflict' | 'stale'

/** Judges evidence about an attempt that has ended already. See {@link LateVerdict}. */
export function judgeLateEvidence(recorded: AttemptDisposition, evidence: LateEvidence): LateVerdict {
  if (evidence.kind === 'ended') {
    if (evidence.disposition === recorded || evidence.disposition === 'unknown') return 'stale'
    return recorded === 'unknown' ? 'correct' : 'conflict'
  }
  // Whatever a carrier says of a call proves that it was sent.
  if (recorded === 'not-sent') return 'conflict'
  return recorded === 'unknown' && evidence.kind !== 'accepted' ? 'reopen' : 'stale'
}
