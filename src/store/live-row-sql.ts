/**
 * True for the live row `l` of a call of the CTE `t` (organization_id, hash, batch_id, seq, n, was), if it is still what the
 * caller believes.
 *
 * The key is compared by BETWEEN, which the planner can answer by a probe of live_call_pkey and in no other way. With `=` it
 * may walk that index from end to end and look every live call up in `t`: it did so when the plan was made while `live_call`
 * was empty, and kept that plan.
 */
export const liveRowSql = `(l.organization_id, l.number_hash) BETWEEN (t.organization_id, t.hash) AND (t.organization_id, t.hash)
     AND l.batch_id = t.batch_id AND l.seq = t.seq AND l.n = t.n AND l.state = t.was`
