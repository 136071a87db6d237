import { plainArray } from './array-literal.ts'
import { sameKeySql } from './same-key-sql.ts'
import type { Statement } from './statement.ts'

/** What is left of a lane and of its batch's limit, after everything this transaction has done. */
export interface LaneState {
  readonly batchId: number
  readonly lane: number
  readonly waiting: number
  readonly batchLive: number
  readonly batchStatus: number
  /** When the earliest of its due recipients may be tried; null: none. */
  readonly nextDueEpochMs: number | null
}

/** Rides lane_pkey, batch_state_pkey and the first entry of due_pkey for each lane. */
const LANE_STATES = `SELECT l.batch_id, l.lane, CASE WHEN l.closed_as IS NULL THEN l.end_seq - l.next_seq ELSE 0 END, b.live, b.status,
  extract(epoch FROM q.due_at)::float8 * 1000
 FROM unnest($2::int[], $3::smallint[]) w(batch_id, lane)
 JOIN lane l ON ${sameKeySql('l', { batch_id: 'w.batch_id', lane: 'w.lane' })}
 JOIN batch_state b ON ${sameKeySql('b', { batch_id: 'w.batch_id' })}
 LEFT JOIN LATERAL (SELECT due_at FROM due q WHERE q.organization_id = $1::int AND q.batch_id = w.batch_id AND q.lane = w.lane
   ORDER BY q.due_at LIMIT 1) q ON true`

export function laneStates(organizationId: number, lanes: readonly { batchId: number; lane: number }[]): Statement {
  return {
    name: 'lane_states',
    text: LANE_STATES,
    values: [organizationId, plainArray(lanes.map((lane) => lane.batchId)), plainArray(lanes.map((lane) => lane.lane))],
  }
}

export function laneStateRows(rows: unknown[][]): LaneState[] {
  return rows.map((row) => ({
    batchId: row[0] as number,
    lane: row[1] as number,
    waiting: row[2] as number,
    batchLive: row[3] as number,
    batchStatus: row[4] as number,
    nextDueEpochMs: row[5] as number | null,
  }))
}

/** What a trunk may start now. */
export interface TrunkState {
  readonly trunkId: number
  readonly liveMax: number
  readonly live: number
  readonly callsPerSecond: number
  /** Tokens in the bucket at the transaction's time. */
  readonly tokens: number
  readonly failuresInRow: number
  readonly blockedUntilEpochMs: number | null
}

/** Rides trunk_state_pkey; an organization has few trunks. */
const TRUNK_STATES = `SELECT ts.trunk_id, ts.live_max, ts.live, ts.calls_per_second,
  least(greatest(1, ts.calls_per_second * 0.01), ts.tokens + ts.calls_per_second * extract(epoch FROM $2::timestamptz - ts.refilled_at)::float8)::float8,
  ts.failures_in_row, extract(epoch FROM ts.blocked_until)::float8 * 1000
 FROM trunk_state ts WHERE ts.organization_id = $1::int`

export function trunkStates(organizationId: number, now: string): Statement {
  return { name: 'trunk_states', text: TRUNK_STATES, values: [organizationId, now] }
}

export function trunkStateRows(rows: unknown[][]): TrunkState[] {
  return rows.map((row) => ({
    trunkId: row[0] as number,
    liveMax: row[1] as number,
    live: row[2] as number,
    callsPerSecond: row[3] as number,
    tokens: row[4] as number,
    failuresInRow: row[5] as number,
    blockedUntilEpochMs: row[6] as number | null,
  }))
}
