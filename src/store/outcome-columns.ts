import { codeOfOutcome, isAttemptDisposition, OUTCOMES, type Outcome } from '../model/disposition.ts'

/** The column of batch_state that counts each final outcome. `not-sent` is never final. */
export const OUTCOME_COLUMNS = {
  answered: 'answered',
  voicemail: 'voicemail',
  busy: 'busy',
  'no-answer': 'no_answer',
  rejected: 'rejected',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
  unknown: 'unknown',
  suppressed: 'suppressed',
  duplicate: 'duplicate',
  'invalid-number': 'invalid_number',
  'not-allowed': 'not_allowed',
} as const satisfies Record<Exclude<Outcome, 'not-sent'>, string>

export type OutcomeColumn = (typeof OUTCOME_COLUMNS)[keyof typeof OUTCOME_COLUMNS]

/** Column and code of every final outcome. */
export const FINAL_OUTCOMES: readonly {
  readonly outcome: Outcome
  readonly column: OutcomeColumn
  readonly code: number
}[] = OUTCOMES.flatMap((outcome) =>
  outcome === 'not-sent' ? [] : [{ outcome, column: OUTCOME_COLUMNS[outcome], code: codeOfOutcome(outcome) }],
)

/** The columns of the outcomes that a dial can end with, by code. */
export const DIAL_OUTCOME_COLUMNS: ReadonlyMap<number, OutcomeColumn> = new Map(
  FINAL_OUTCOMES.flatMap(({ outcome, column, code }) =>
    isAttemptDisposition(outcome) ? [[code, column] as const] : [],
  ),
)

/** The number of the disposition that is never final and counts nowhere. */
export const NOT_SENT_CODE = codeOfOutcome('not-sent')
