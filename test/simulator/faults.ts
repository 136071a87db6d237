/** Places in the life of a node at which it may be killed or stopped. */
export type Point =
  | 'before-gate'
  | 'in-transaction'
  | 'commit-sent'
  | 'after-commit'
  | 'before-write'
  | 'after-write'
  | 'answer-arrived'
  | 'callback-arrived'
  | 'callback-committed'

/** How much goes wrong, as probabilities of single things. */
export interface FaultRates {
  readonly kill: Readonly<Record<Point, number>>
  readonly stall: Readonly<Record<Point, number>>
  readonly commitAnswerLost: number
  readonly commitLost: number
  readonly statementFails: number
  readonly slowDatabase: number
  readonly heldTooLong: number
  readonly requestLost: number
  readonly requestLate: number
  readonly requestQueued: number
  readonly answerLost: number
  readonly answerLate: number
  readonly errorAfterPlacing: number
  readonly errorBeforePlacing: number
  readonly refused: number
  readonly ringsLate: number
  readonly callbackLost: number
  readonly callbackDoubled: number
  readonly callbackLate: number
  readonly lookUpFails: number
  readonly lookUpLags: number
  readonly contradiction: number
}

const atEveryPoint = (probability: number): Record<Point, number> => ({
  'before-gate': probability,
  'in-transaction': probability,
  'commit-sent': probability,
  'after-commit': probability,
  'before-write': probability,
  'after-write': probability,
  'answer-arrived': probability,
  'callback-arrived': probability,
  'callback-committed': probability,
})

/** The rates of the phase in which things go wrong; `severity` from 0 to 1. */
export function faultsOf(severity: number): FaultRates {
  const rate = (probability: number) => probability * severity
  const rare = { ...atEveryPoint(rate(0.01)), 'before-gate': rate(0.001), 'in-transaction': rate(0.001) }
  const points = { ...rare, 'commit-sent': rate(0.002), 'after-commit': rate(0.004), 'before-write': rate(0.02) }
  return {
    kill: points,
    stall: { ...points, 'after-commit': rate(0.006) },
    commitAnswerLost: rate(0.01),
    commitLost: rate(0.006),
    statementFails: rate(0.004),
    slowDatabase: rate(0.01),
    heldTooLong: rate(0.02),
    requestLost: rate(0.05),
    requestLate: rate(0.04),
    requestQueued: rate(0.04),
    answerLost: rate(0.08),
    answerLate: rate(0.06),
    errorAfterPlacing: rate(0.05),
    errorBeforePlacing: rate(0.04),
    refused: 0.04,
    ringsLate: rate(0.06),
    callbackLost: rate(0.15),
    callbackDoubled: rate(0.12),
    callbackLate: rate(0.08),
    lookUpFails: rate(0.1),
    lookUpLags: rate(0.15),
    contradiction: rate(0.02),
  }
}

export const NO_FAULTS: FaultRates = faultsOf(0)
