/**
 * Recipients who are not called but brought, by a server that is invited to do so, have no telephone number. In their
 * rows a number stands for them that can be none: E.164 has at most fifteen digits.
 */
const FIRST = 1e15
/** As far as integers are exact. */
const COUNT = 8e15

/** Whether a stored number is a telephone number. */
export function isTelephone(digits: number): boolean {
  return digits < FIRST
}

/**
 * Stands for a recipient without a number: `random` from 0 to below 1 for the list, and its place in it. Two lists share
 * one with a chance that does not matter: one call then waits some seconds for the other.
 */
export function standInNumber(random: number, index: number): number {
  return FIRST + ((Math.floor(random * COUNT) + index) % COUNT)
}
