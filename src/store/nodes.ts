import { ALL_PLACES } from './live-calls.ts'
import { type Queryable, run } from './statement.ts'

/** A node that has not renewed its lease for this long is dead; see `LEASE_SECONDS` in docs/decisions/0004. */
export const NODE_LEASE_SECONDS = 10
export const NODE_HEARTBEAT_MS = 2000
/** For so long after the end of a node its calls are looked for again and again. */
export const ENDED_LATELY_SECONDS = 60

/** Registers a new incarnation and returns its id. */
export async function registerNode(client: Queryable, name: string): Promise<number> {
  const rows = await run(client, {
    name: 'register_node',
    text: `INSERT INTO node (name, started_at, lease_until)
      SELECT $1::text, t.now, t.now + interval '${NODE_LEASE_SECONDS} s' FROM (SELECT carillon_now() AS now OFFSET 0) t RETURNING node_id`,
    values: [name],
  })
  return rows[0]![0] as number
}

/** False: a survivor has declared this incarnation dead (or the row is gone); it must not claim under this id again. */
export async function renewLease(client: Queryable, nodeId: number): Promise<boolean> {
  const rows = await run(client, {
    name: 'renew_lease',
    text: `UPDATE node SET lease_until = carillon_now() + interval '${NODE_LEASE_SECONDS} s'
      WHERE node_id = $1::int AND ended_at IS NULL RETURNING node_id`,
    values: [nodeId],
  })
  return rows.length === 1
}

/** Ends every incarnation whose lease has run out. Rides node_alive. */
export async function endDeadNodes(client: Queryable): Promise<void> {
  await run(client, {
    name: 'end_dead_nodes',
    text: 'UPDATE node SET ended_at = carillon_now() WHERE ended_at IS NULL AND lease_until < carillon_now()',
    values: [],
  })
}

/** How many nodes live. Rides node_alive; one row, always. */
export async function countLiveNodes(client: Queryable): Promise<number> {
  const rows = await run(client, {
    name: 'count_live_nodes',
    text: 'SELECT count(*)::int FROM node WHERE ended_at IS NULL AND lease_until >= carillon_now()',
    values: [],
  })
  return rows[0]![0] as number
}

export async function endNode(client: Queryable, nodeId: number): Promise<void> {
  await run(client, {
    name: 'end_node',
    text: 'UPDATE node SET ended_at = carillon_now() WHERE node_id = $1::int AND ended_at IS NULL',
    values: [nodeId],
  })
}

/**
 * Organizations that hold live calls of nodes that are no longer alive. A read across organizations that may be stale;
 * the take-over itself is per organization and under its gate. Reads `live_call` from end to end, like `ownCalls`, and
 * asks each node once: OFFSET 0 keeps the planner from walking an index, in which most entries may be of calls long over.
 * Unless `always`, it reads nothing while no node has ended lately: it took 13 ms with 20,000 live calls.
 */
export async function organizationsWithOrphans(
  client: Queryable,
  { always }: { readonly always: boolean },
): Promise<number[]> {
  const rows = await run(client, {
    name: 'organizations_with_orphans',
    text: `SELECT DISTINCT o.organization_id
      FROM (SELECT DISTINCT l.organization_id, l.node_id FROM (SELECT organization_id, node_id FROM live_call
          WHERE ${ALL_PLACES} AND ($1::bool OR EXISTS (SELECT 1 FROM node WHERE ended_at > carillon_now() - interval '${ENDED_LATELY_SECONDS} s')) OFFSET 0) l) o
      WHERE NOT EXISTS (SELECT 1 FROM node n WHERE n.node_id = o.node_id AND n.ended_at IS NULL)`,
    values: [always],
  })
  return rows.map((row) => row[0] as number)
}

/** Organizations with a running or paused batch. Rides batch_state_open; may be stale. */
export async function organizationsWithOpenBatches(client: Queryable): Promise<number[]> {
  const rows = await run(client, {
    name: 'organizations_with_open_batches',
    text: 'SELECT DISTINCT organization_id FROM batch_state WHERE status IN (2, 3)',
    values: [],
  })
  return rows.map((row) => row[0] as number)
}
