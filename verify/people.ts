import type { Outcome } from '../src/model/disposition.ts'
import type { RetryPolicy } from '../src/model/retry-policy.ts'
import type { Random } from './random.ts'

const FIRST_NUMBER = 14_150_000_000

/** Busy and unanswered numbers are rung a second time; their story is the same again, so the outcome stays. */
export const RETRY_POLICY: RetryPolicy = {
  maxAttempts: 2,
  rules: { busy: { gapsSeconds: [1] }, 'no-answer': { gapsSeconds: [1] } },
}

/** What docs/guides/loopback.md promises for each ending, kept apart from the network's own table on purpose. */
const OUTCOMES_BY_ENDING: readonly (readonly [upTo: number, outcome: Outcome])[] = [
  [69, 'answered'],
  [76, 'busy'],
  [83, 'no-answer'],
  [88, 'voicemail'],
  [92, 'rejected'],
  [96, 'failed'],
  [99, 'answered'],
]

/** Different numbers with all endings from 00 to 99 in equal shares, in an order that the seed decides. */
export function numbersOf(count: number, random: Random, block = 0): string[] {
  const first = FIRST_NUMBER + block * 1_000_000
  return random.shuffled(Array.from({ length: count }, (_, index) => `+${first + index}`))
}

/** How a person with this number ends, unless they end `unknown`. */
export function outcomeOf(number: string): Outcome {
  const ending = endingOf(number)
  return OUTCOMES_BY_ENDING.find(([upTo]) => ending <= upTo)![1]
}

/** Whether the person presses the key that asks not to be called again. */
export function asksToStop(number: string): boolean {
  const ending = endingOf(number)
  return ending >= 55 && ending <= 59
}

function endingOf(number: string): number {
  return Number(number.slice(-2))
}
