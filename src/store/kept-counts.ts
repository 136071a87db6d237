import { ask, askPrepared } from './ask.ts'
import { type AgentReference, agentIdSql } from './batches.ts'
import type { ReadStatement } from './one-message.ts'
import type { Client } from './owner-transaction.ts'

/** The length of the list of all batches that call telephones. Rides listed_batch_count_of_status; one row, always. */
export const KEPT_COUNT_SQL =
  'SELECT coalesce(sum(c.batches), 0)::int AS total FROM listed_batch_count c WHERE c.organization_id = $1::int'

/** How many batches call telephones, in all or with one of these statuses. */
export async function keptCount(
  client: Client,
  organizationId: number,
  statuses: readonly number[] | null,
): Promise<number> {
  const statement =
    statuses === null
      ? { name: 'kept_count', text: KEPT_COUNT_SQL, values: [organizationId] }
      : {
          name: 'kept_count_of_statuses',
          text: `${KEPT_COUNT_SQL} AND c.status = ANY($2::smallint[])`,
          values: [organizationId, statuses],
        }
  return (await askPrepared<{ total: number }>(client, statement))[0]!.total
}

/** How many batches of an agent dial nobody twice. Rides once_batch_count_of_agent; one row, always. */
export function keptCountOfAgentStatement(organizationId: number, agent: AgentReference): ReadStatement {
  const values: (string | number | null)[] = [organizationId]
  const agentId = agentIdSql(agent, (value) => `$${values.push(value)}`)
  return {
    name: 'kept_count_of_agent',
    text: `SELECT coalesce(sum(batches), 0)::int AS total FROM once_batch_count WHERE organization_id = $1::int AND agent_id = ${agentId}`,
    values,
  }
}

const TABLES = [
  ['listed_batch_count', 'status'],
  ['once_batch_count', 'agent_id'],
] as const
/** More rows of one count than that are worth folding. */
const ROWS_MAX = 100

/**
 * Puts one row in the place of many of a count, of at most one count, as a role that serves all organizations. Whoever
 * reads meanwhile sees the rows or what they were folded into; what is added meanwhile stays beside it. False: there was
 * nothing to fold. Reads both tables, which are as short as this keeps them.
 */
export async function foldKeptCount(client: Client): Promise<boolean> {
  for (const [table, key] of TABLES) {
    const rows = await ask<{ organization_id: number; key: number }>(
      client,
      `SELECT organization_id, ${key} AS key FROM ${table} GROUP BY organization_id, ${key} HAVING count(*) > ${ROWS_MAX} LIMIT 1`,
    )
    const many = rows[0]
    if (many === undefined) continue
    await ask(
      client,
      `WITH gone AS (DELETE FROM ${table} WHERE organization_id = $1 AND ${key} = $2 RETURNING batches)
       INSERT INTO ${table} (organization_id, ${key}, batches) SELECT $1, $2, sum(batches) FROM gone HAVING sum(batches) <> 0`,
      [many.organization_id, many.key],
    )
    return true
  }
  return false
}
