import { digestOfSeal } from '../model/audit-seal.ts'
import {
  canonicalEntries,
  insertSeal,
  newestSeal,
  organizationToSeal,
  takeUnsealedEntries,
} from '../store/audit-seals.ts'
import { transaction } from '../store/database.ts'
import type { CommandContext } from './context.ts'

/**
 * Makes one seal of the audit log, of the organization whose oldest entry waits longest; 5 minutes after it was written at
 * the earliest. False: nothing is to be sealed now. Nodes that do it at once wait for each other, and no entry is sealed
 * twice or left out: what commits late is covered by a later seal.
 */
export function sealStep(context: Pick<CommandContext, 'database'>): Promise<boolean> {
  return transaction(context.database, { role: 'carillon_dispatcher' }, async (client) => {
    const organizationId = await organizationToSeal(client)
    if (organizationId === undefined) return false
    const entryIds = await takeUnsealedEntries(client, organizationId)
    if (entryIds.length === 0) return true
    // Behind what was taken, so that the seal of a node that was waited for is seen.
    const newest = await newestSeal(client, organizationId)
    const found = await canonicalEntries(client, organizationId, entryIds)
    const seal = { organizationId, sealN: newest.sealN + 1, entryIds }
    const digest = digestOfSeal(newest.digest, {
      ...seal,
      sealedAtMicroseconds: `${newest.now.getTime()}000`,
      // An entry that is gone already keeps its id in the seal, and shows as missing.
      entries: entryIds.flatMap((id) => found.get(id) ?? []),
    })
    await insertSeal(client, { ...seal, sealedAt: newest.now, digest })
    return true
  })
}
