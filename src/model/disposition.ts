/** How an attempt can end. Every one of them can be a recipient's outcome too, except `not-sent`, which is due again. */
export const ATTEMPT_DISPOSITIONS = [
  'answered',
  'voicemail',
  'busy',
  'no-answer',
  'rejected',
  'failed',
  'cancelled',
  'expired',
  'unknown',
  'not-sent',
] as const

/** How a recipient ends that was never dialled. `cancelled` and `expired` can also come before any dial. */
export const UNDIALLED_OUTCOMES = ['suppressed', 'duplicate', 'invalid-number', 'not-allowed'] as const

/** All outcomes, in the order of their numbers in the database. */
export const OUTCOMES = [...ATTEMPT_DISPOSITIONS, ...UNDIALLED_OUTCOMES] as const

export type AttemptDisposition = (typeof ATTEMPT_DISPOSITIONS)[number]
export type UndialledOutcome = (typeof UNDIALLED_OUTCOMES)[number]
export type Outcome = AttemptDisposition | UndialledOutcome

/** The short name used where only an attempt's end is meant. */
export type Disposition = AttemptDisposition

/** The numbers stand in the database: one may be added, none may be changed or used again. */
const CODES = {
  answered: 1,
  voicemail: 2,
  busy: 3,
  'no-answer': 4,
  rejected: 5,
  failed: 6,
  cancelled: 7,
  expired: 8,
  unknown: 9,
  'not-sent': 10,
  suppressed: 11,
  duplicate: 12,
  'invalid-number': 13,
  'not-allowed': 14,
} as const satisfies Record<Outcome, number>

const byCode = new Map<number, Outcome>(OUTCOMES.map((outcome) => [CODES[outcome], outcome]))
const attemptDispositions: ReadonlySet<string> = new Set(ATTEMPT_DISPOSITIONS)

/** The small number that stands for an outcome in the database. */
export function codeOfOutcome(outcome: Outcome): number {
  return CODES[outcome]
}

/** The outcome a number stands for. Throws RangeError for a number no version of ours has written. */
export function outcomeFromCode(code: number): Outcome {
  const outcome = byCode.get(code)
  if (outcome === undefined) throw new RangeError(`No outcome has the number ${code}`)
  return outcome
}

/** The disposition a number stands for. Throws RangeError for an outcome that no dialled attempt can have. */
export function dispositionFromCode(code: number): AttemptDisposition {
  const outcome = outcomeFromCode(code)
  if (!isAttemptDisposition(outcome)) throw new RangeError(`An attempt cannot end "${outcome}"`)
  return outcome
}

/** Whether an attempt can end so; the others are outcomes of people who were never dialled. */
export function isAttemptDisposition(outcome: Outcome): outcome is AttemptDisposition {
  return attemptDispositions.has(outcome)
}

/** Whether a text is one of the outcomes. */
export function isOutcome(text: string): text is Outcome {
  return Object.hasOwn(CODES, text)
}
