import { AppError } from '../errors.ts'
import { bumpVersion, type Gate, openGate } from '../store/gate.ts'
import type { Client } from '../store/owner-transaction.ts'
import type { Queryable } from '../store/statement.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'

/**
 * Runs `work` in a transaction that holds the organization's gate from its first statement on, so that no claim runs
 * beside it. Wakes the dispatchers after the commit.
 */
export async function underGate<T>(
  context: CommandContext,
  actor: Pick<Actor, 'organizationId'>,
  work: (client: Client, gate: Gate) => Promise<T>,
): Promise<T> {
  const result = await inOrganization(context, actor, async (client) => work(client, await lockGate(client, actor)))
  context.signals.wake(actor.organizationId)
  return result
}

/** The gate, locked until the commit. */
export async function lockGate(client: Client, actor: Pick<Actor, 'organizationId'>): Promise<Gate> {
  const gate = await openGate(asQueryable(client), actor.organizationId)
  if (gate === null) throw new AppError('organization-not-found')
  return gate
}

/** A new version of the organization's definitions: nodes read again what is marked with it. */
export function nextVersion(client: Client, gate: Gate): Promise<number> {
  return bumpVersion(asQueryable(client), gate.organizationId)
}

/** A connection as the hot statements see it. */
export function asQueryable(client: Client): Queryable {
  return client as unknown as Queryable
}
