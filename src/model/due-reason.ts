/** Why a recipient stands in `due`; the number is the code in the database. */
export const DUE_REASONS = {
  retry: 1,
  'number-in-call': 2,
  'not-before': 3,
  'not-sent': 4,
  'same-number-before': 5,
  'asked-again': 6,
} as const

export type DueReason = keyof typeof DUE_REASONS

export function dueReasonFromCode(code: number): DueReason {
  for (const [reason, known] of Object.entries(DUE_REASONS)) if (known === code) return reason as DueReason
  throw new Error(`due holds the unknown reason ${code}`)
}
