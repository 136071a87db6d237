import { isOutcome, type Outcome } from '../model/disposition.ts'
import type { Paint } from './terminal.ts'

/** From what one hopes for to what never rang; the order in which counters and summaries stand. */
const ORDER: readonly Outcome[] = [
  'answered',
  'voicemail',
  'busy',
  'no-answer',
  'rejected',
  'failed',
  'unknown',
  'cancelled',
  'expired',
  'suppressed',
  'duplicate',
  'invalid-number',
  'not-allowed',
  'not-sent',
]

const MEANINGS: Readonly<Record<Outcome, string>> = {
  answered: 'somebody took the call',
  voicemail: 'a machine took the call',
  busy: 'the line was busy',
  'no-answer': 'it rang and nobody came',
  rejected: 'the call was declined',
  failed: 'the call could not be put through',
  unknown: 'nobody can tell; never called again by itself',
  cancelled: 'the batch was cancelled before',
  expired: 'the time of the batch was over before',
  suppressed: 'the number is on the suppression list',
  duplicate: 'the number stood in the list before',
  'invalid-number': 'no such number can exist',
  'not-allowed': 'numbers of this kind may not be called',
  'not-sent': 'the call was held back',
}

export interface OutcomeCount {
  readonly outcome: Outcome
  readonly count: number
}

/** The outcomes that happened, in the order in which they are shown. */
export function outcomesInOrder(outcomes: Readonly<Partial<Record<string, number>>>): OutcomeCount[] {
  return ORDER.map((outcome) => ({ outcome, count: outcomes[outcome] ?? 0 })).filter(({ count }) => count > 0)
}

export function meaningOf(outcome: Outcome): string {
  return MEANINGS[outcome]
}

export function paintOutcome(outcome: string, text: string, paint: Paint): string {
  if (!isOutcome(outcome)) return text
  switch (outcome) {
    case 'answered':
      return paint.green(text)
    case 'voicemail':
      return paint.blue(text)
    case 'busy':
    case 'no-answer':
      return paint.yellow(text)
    case 'rejected':
    case 'failed':
      return paint.red(text)
    case 'unknown':
      return paint.magenta(text)
    default:
      return paint.dim(text)
  }
}
