import { deleteAlias } from '../store/aliases.ts'
import type { Client } from '../store/owner-transaction.ts'
import { audit } from './audit.ts'
import { type Actor, type CommandContext, inOrganization } from './context.ts'
import { requireAgent, requireNumber, requireTrunk, storeAliases } from './find-objects.ts'

export type AliasKind = 'organization' | 'agent' | 'number' | 'trunk'

/**
 * Lets `alias` stand for an object: the id its owner uses elsewhere. `id` is ignored for the organization itself.
 * Repeating it is harmless.
 *
 * @throws AppError `alias-taken`, `agent-not-found`, `number-not-found`, `trunk-not-found`.
 */
export function addAlias(
  context: CommandContext,
  actor: Actor,
  input: { kind: AliasKind; id: string; alias: string },
): Promise<void> {
  return inOrganization(context, actor, async (client) => {
    const { organizationId } = actor
    const objectId = await objectIdOf(client, organizationId, input)
    await storeAliases(client, { organizationId, kind: input.kind, objectId }, [input.alias])
    await audit(client, actor, 'alias.added')
  })
}

/** Removing one that is not there is harmless. */
export async function removeAlias(
  context: CommandContext,
  actor: Actor,
  input: { kind: AliasKind; alias: string },
): Promise<void> {
  const { organizationId } = actor
  await inOrganization(context, actor, async (client) => {
    await deleteAlias(client, { organizationId, ...input })
    await audit(client, actor, 'alias.removed')
  })
}

async function objectIdOf(
  client: Client,
  organizationId: number,
  input: { kind: AliasKind; id: string },
): Promise<number> {
  if (input.kind === 'agent') return (await requireAgent(client, organizationId, input.id)).agent_id
  if (input.kind === 'number') return (await requireNumber(client, organizationId, input.id)).number_id
  if (input.kind === 'trunk') return (await requireTrunk(client, organizationId, input.id)).trunk_id
  return organizationId
}
