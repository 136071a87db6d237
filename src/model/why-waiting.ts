/** Why somebody is not being called now, the strongest reason first. */
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
  'in-line',
] as const
export type WaitingReason = (typeof WAITING_REASONS)[number]

export interface Waiting {
  readonly reason: WaitingReason
  /** One sentence for people. */
  readonly text: string
  /** When it will be tried next, as far as that can be told; null: it depends on somebody's action or on free lines. */
  readonly nextTryAt: Date | null
  /** How many are before it in the same line; for a batch how many wait. */
  readonly position: number | null
}
