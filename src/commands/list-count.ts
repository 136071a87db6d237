import { readVersion } from '../store/gate.ts'
import type { Client } from '../store/owner-transaction.ts'
import type { CommandContext } from './context.ts'
import { asQueryable } from './under-gate.ts'

interface Count {
  readonly version: number | null
  readonly total: number
}

const COUNTS_MAX = 10_000

/** Each server remembers its own; what it remembers is only used while it is true. */
const countsOf = new WeakMap<CommandContext['secrets'], Map<string, Count>>()

/**
 * How long a list of batches is that nothing but commands changes: no call moves a batch into it or out of it. Counts it
 * once for each version of the organization's definitions, which every command that makes, changes or deletes a batch
 * raises in its own transaction.
 *
 * @param list names the list with everything that decides its members.
 */
export async function countOfList(
  context: Pick<CommandContext, 'secrets'>,
  client: Client,
  { organizationId, list }: { organizationId: number; list: string },
  count: () => Promise<number>,
): Promise<number> {
  const counts = countsOf.get(context.secrets) ?? new Map<string, Count>()
  countsOf.set(context.secrets, counts)
  const key = `${organizationId} ${list}`
  // Read before it is counted: when a command comes between, what was counted is only too new for its version.
  const version = await readVersion(asQueryable(client), organizationId)
  const known = counts.get(key)
  if (known?.version === version) return known.total
  const total = await count()
  if (counts.size >= COUNTS_MAX) counts.clear()
  counts.set(key, { version, total })
  return total
}
