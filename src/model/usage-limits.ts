/** What a key, or an organization with all its keys, may do at most. What is left out has no limit of its own. */
export interface UsageLimits {
  /** Requests that a node takes in a second; twice as many at once. Of a key only. */
  readonly requestsPerSecond?: number | undefined
  /** People that may be accepted to be called on a day of UTC. */
  readonly peoplePerDay?: number | undefined
  /** Beginnings of numbers that may be called, such as `+1415`; empty allows nobody. */
  readonly allowedPrefixes?: readonly string[] | undefined
}

/** Whether the digits of a number begin with one of the prefixes. */
export function beginsWithOne(digits: number, prefixes: readonly string[]): boolean {
  const text = `+${digits}`
  return prefixes.some((prefix) => text.startsWith(prefix))
}

const DAY_MS = 86_400_000

/** The day of UTC of an instant, as `YYYY-MM-DD`. */
export function dayOf(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 10)
}

/** Whole seconds until the next day of UTC begins; at least 1. */
export function secondsToNextDay(epochMs: number): number {
  return Math.max(1, Math.ceil((DAY_MS - (epochMs % DAY_MS)) / 1_000))
}
