/**
 * Finds the live row of each call of the CTE `t` (hash, batch_id, seq, n, was), if it is still what the caller believes, as
 * `at.row`. By a probe of live_call_pkey that the planner cannot turn around: written as a plain join, a plan made while
 * `live_call` was empty read all live calls of the organization once for each call of `t`, and was kept.
 */
export const liveRowSql = `CROSS JOIN LATERAL (SELECT v.ctid AS row FROM live_call v WHERE v.organization_id = $1::int AND v.number_hash = t.hash
     AND v.batch_id = t.batch_id AND v.seq = t.seq AND v.n = t.n AND v.state = t.was LIMIT 1) at`
