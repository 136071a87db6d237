import { AppError } from '../errors.ts'
import { dayOf, secondsToNextDay } from '../model/usage-limits.ts'
import type { Gate } from '../store/gate.ts'
import { readDialingRules } from '../store/organizations.ts'
import type { Client } from '../store/owner-transaction.ts'
import { addPeopleAccepted } from '../store/people-accepted.ts'
import type { Actor } from './context.ts'
import type { LaneLayout } from './lane-book.ts'

/** How many of a list may be called; the others are final already. */
export function peopleToCall({ total, settled }: LaneLayout): number {
  return Object.values(settled).reduce((left, final) => left - final, total)
}

/**
 * Counts people who are accepted to be called against the day's limit of the key and of the organization. Under the gate,
 * in the transaction that accepts them: either they are stored and counted, or neither.
 *
 * @throws AppError `daily-limit` when there would be more than one of the limits allows; nobody is counted then.
 */
export async function countPeople(client: Client, gate: Gate, actor: Actor, people: number): Promise<void> {
  if (people === 0) return
  const { organizationId, credentialId } = actor
  const { limits } = await readDialingRules(client, organizationId)
  const holders = [
    { whose: 'This key', credentialId, most: actor.limits?.peoplePerDay },
    { whose: 'The organization', credentialId: '', most: limits?.peoplePerDay },
  ]
  const day = dayOf(gate.nowEpochMs)
  for (const { whose, most, ...holder } of holders) {
    if (most === undefined) continue
    if (await addPeopleAccepted(client, { organizationId, day, ...holder }, { people, most })) continue
    throw new AppError('daily-limit', { args: [whose, most], retryAfterSeconds: secondsToNextDay(gate.nowEpochMs) })
  }
}
