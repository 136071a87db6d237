import type { ThrottleRule } from '../model/throttle.ts'
import { plainArray } from './array-literal.ts'
import type { Gate } from './gate.ts'
import { type Queryable, run } from './statement.ts'

/** A throttle as it stands in this transaction. */
export interface ThrottleState {
  readonly throttleId: number
  readonly rules: readonly ThrottleRule[]
  /** Of the latest 100 calls, the newest first. */
  readonly startsEpochMs: readonly number[]
}

const STATES = `SELECT s.throttle_id, t.rules, ARRAY(SELECT extract(epoch FROM x)::float8 * 1000 FROM unnest(s.starts) WITH ORDINALITY u(x, n) ORDER BY n)
 FROM throttle_state s JOIN throttle t ON t.organization_id = $1::int AND t.throttle_id = s.throttle_id
 WHERE s.organization_id = $1::int AND s.throttle_id = ANY($2::int[])`

/** Rides throttle_state_pkey and throttle_pkey. A throttle that is missing is gone, and holds nothing back. */
export async function throttleStates(
  client: Queryable,
  organizationId: number,
  throttleIds: readonly number[],
): Promise<ThrottleState[]> {
  const rows = await run(client, {
    name: 'throttle_states',
    text: STATES,
    values: [organizationId, plainArray(throttleIds)],
  })
  return rows.map(stateOf)
}

/**
 * The calls that this transaction has claimed, which all have the gate's time, are noted with their throttles. A claim
 * of another transaction at the very same microsecond would be noted twice, which holds back and never lets through.
 */
const NOTE = `WITH n AS (SELECT b.throttle_id, count(*)::int AS calls FROM live_call v
   JOIN batch b ON b.organization_id = $1::int AND b.batch_id = v.batch_id
   WHERE v.organization_id = $1::int AND v.claimed_at = $2::timestamptz AND b.throttle_id IS NOT NULL GROUP BY b.throttle_id)
 UPDATE throttle_state s SET starts = (array_fill($2::timestamptz, ARRAY[n.calls]) || s.starts)[1:100]
 FROM n JOIN throttle t ON t.organization_id = $1::int AND t.throttle_id = n.throttle_id
 WHERE s.organization_id = $1::int AND s.throttle_id = n.throttle_id
 RETURNING s.throttle_id, t.rules, ARRAY(SELECT extract(epoch FROM x)::float8 * 1000 FROM unnest(s.starts) WITH ORDINALITY u(x, i) ORDER BY i)`

/**
 * To be asked after the claims of a transaction that asked for throttled batches. Returns the throttles that calls were
 * claimed under. Reads the organization's live calls, by live_call_pkey, then batch_pkey; zero rows: none was claimed.
 */
export async function noteThrottledStarts(client: Queryable, gate: Gate): Promise<ThrottleState[]> {
  const rows = await run(client, {
    name: 'note_throttled_starts',
    text: NOTE,
    values: [gate.organizationId, gate.now],
  })
  return rows.map(stateOf)
}

function stateOf(row: unknown[]): ThrottleState {
  return {
    throttleId: row[0] as number,
    rules: row[1] as ThrottleRule[],
    startsEpochMs: row[2] as number[],
  }
}
