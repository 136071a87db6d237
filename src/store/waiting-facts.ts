import { ask } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** The limits that a batch and one of its trunks stand under, as they are now. */
export interface LimitsRow {
  now: Date
  organization_live: number
  organization_live_max: number
  trunk_live: number
  trunk_live_max: number
  calls_per_second: number
  blocked_until: Date | null
}

/** Without a lock: what is told is a moment's truth. Rides gate_pkey and trunk_state_pkey. */
export async function readLimits(client: Client, organizationId: number, trunkId: number): Promise<LimitsRow> {
  const rows = await ask<LimitsRow>(
    client,
    `SELECT carillon_now() AS now, g.live AS organization_live, g.live_max AS organization_live_max, t.live AS trunk_live,
       t.live_max AS trunk_live_max, t.calls_per_second, t.blocked_until
     FROM gate g JOIN trunk_state t ON t.organization_id = g.organization_id WHERE g.organization_id = $1 AND t.trunk_id = $2`,
    [organizationId, trunkId],
  )
  return rows[0]!
}

/** A lane as far as it still waits. */
export interface WaitingLaneRow {
  lane: number
  trunk_id: number
  zones: string[]
  next_seq: number
  end_seq: number
  last_seq: number
  closed_as: number | null
  /** The earliest of those in `due`; null when there is none. */
  due_at: Date | null
  due_reason: number | null
}

/** Rides lane_pkey and the first entry of due_pkey for each lane. */
export function selectWaitingLanes(
  client: Client,
  key: { organizationId: number; batchId: number },
): Promise<WaitingLaneRow[]> {
  return ask<WaitingLaneRow>(
    client,
    `SELECT l.lane, l.trunk_id, l.zones, l.next_seq, l.end_seq, l.last_seq, l.closed_as, q.due_at, q.reason AS due_reason
     FROM lane l LEFT JOIN LATERAL (SELECT d.due_at, d.reason FROM due d WHERE d.organization_id = $1 AND d.batch_id = $2
       AND d.lane = l.lane ORDER BY d.due_at, d.seq LIMIT 1) q ON true
     WHERE l.organization_id = $1 AND l.batch_id = $2 ORDER BY l.lane`,
    [key.organizationId, key.batchId],
  )
}
