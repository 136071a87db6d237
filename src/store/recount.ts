import { ask } from './ask.ts'
import { FINAL_OUTCOMES, NOT_SENT_CODE } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'
import { OUTCOME_SQL, WHEREABOUTS_SQL } from './recipients.ts'

/** One figure that is not what its rows say. */
interface Difference {
  name: string
  stored: string
  counted: string
}

/** Limits: used slots of the organization and of each trunk, and the numbering of the event log. */
const LIMITS = `SELECT 'organization live' AS name, g.live::text AS stored, (SELECT count(*) FROM live_call v WHERE v.organization_id = $1)::text AS counted
   FROM gate g WHERE g.organization_id = $1
 UNION ALL SELECT 'last event block', g.block_no::text, (SELECT coalesce(max(e.block_no), 0) FROM event_block e WHERE e.organization_id = $1)::text
   FROM gate g WHERE g.organization_id = $1
 UNION ALL SELECT 'event blocks', g.block_no::text, (SELECT count(*) FROM event_block e WHERE e.organization_id = $1)::text
   FROM gate g WHERE g.organization_id = $1
 UNION ALL SELECT 'trunk ' || t.trunk_id || ' live', t.live::text, (SELECT count(*) FROM live_call v WHERE v.organization_id = $1 AND v.trunk_id = t.trunk_id)::text
   FROM trunk_state t WHERE t.organization_id = $1`

/** How long lists of batches are, as it is kept. No row stands for none. */
const KEPT_COUNTS = `SELECT 'listed batches of status ' || status AS name, coalesce(k.batches, 0)::text AS stored, coalesce(n.batches, 0)::text AS counted
   FROM (SELECT c.status, sum(c.batches) AS batches FROM listed_batch_count c WHERE c.organization_id = $1 GROUP BY c.status) k
   FULL JOIN (SELECT s.status, count(*) AS batches FROM batch_state s WHERE s.organization_id = $1 AND s.listed GROUP BY s.status) n USING (status)
 UNION ALL SELECT 'batches once of agent ' || agent_id, coalesce(k.batches, 0)::text, coalesce(n.batches, 0)::text
   FROM (SELECT c.agent_id, sum(c.batches) AS batches FROM once_batch_count c WHERE c.organization_id = $1 GROUP BY c.agent_id) k
   FULL JOIN (SELECT b.agent_id, count(*) AS batches FROM batch b WHERE b.organization_id = $1 AND NOT b.single AND b.deleted_at IS NULL
     AND (b.retry_policy->>'maxAttempts')::int = 1 GROUP BY b.agent_id) n USING (agent_id)`

/** Where each recipient of each batch is. */
const RECIPIENTS = `SELECT r.batch_id, r.seq, v.seq IS NOT NULL AS live, d.seq IS NOT NULL AS due, (${OUTCOME_SQL}) AS outcome,
   (v.seq IS NOT NULL)::int + (d.seq IS NOT NULL)::int + (j.seq IS NOT NULL)::int AS places,
   l.closed_as IS NULL AND r.seq >= l.next_seq AND r.seq < l.end_seq AS in_line, r.seq >= l.end_seq AS apart
 FROM recipient r ${WHEREABOUTS_SQL} WHERE r.organization_id = $1`

/** Entries of the event log that end recipients, less those that reopen one. */
const FINISHED = `SELECT x.batch_id, sum(CASE x.kind WHEN 6 THEN 1 WHEN 27 THEN x.at_ms WHEN 8 THEN -1 ELSE 0 END) AS finished
 FROM event_block e CROSS JOIN LATERAL unnest(e.batch_id, e.kind, e.at_ms) x(batch_id, kind, at_ms)
 WHERE e.organization_id = $1 GROUP BY x.batch_id`

/** Names and pairs of expressions over the batch `s`, its recipients `c`, lanes `l`, live calls `v`, attempts `a`, events `e`. */
const FIGURES: readonly (readonly [name: string, stored: string, counted: string])[] = [
  ['total', 's.total', 'c.total'],
  ['due', 's.due', 'c.due'],
  ['live', 's.live', 'c.live'],
  ['settled', 's.settled', 'c.settled'],
  ['waiting', 's.total - s.due - s.live - s.settled', 'c.in_line + c.held'],
  ['waiting by lanes', 'c.in_line', 'l.waiting'],
  ['recipients in two places', '0', 'c.twice'],
  ['recipients nowhere', '0', 'c.nowhere'],
  ['places in lanes', 's.total', 'l.places'],
  ['rows in due', 's.due', '(SELECT count(*) FROM due d WHERE d.organization_id = $1 AND d.batch_id = s.batch_id)'],
  ['dialing', 's.dialing', 'v.dialing'],
  ['accepted', 's.accepted', 'v.accepted'],
  ['ringing', 's.ringing', 'v.ringing'],
  ['talking', 's.talking', 'v.talking'],
  ['live calls', 's.live', 'v.live'],
  ['attempts', 's.attempts', 'a.attempts + v.live'],
  ['talk_ms', 's.talk_ms', 'a.talk_ms'],
  ['finished in the event log', 's.settled', 'coalesce(e.finished, 0)'],
  ['sum of outcomes', 's.settled', FINAL_OUTCOMES.map(({ column }) => `s.${column}`).join(' + ')],
  ['settled when completed', 'CASE WHEN s.status = 4 THEN s.total END', 'CASE WHEN s.status = 4 THEN s.settled END'],
  ['completed when settled', 'CASE WHEN s.settled = s.total AND s.status NOT IN (4, 5) THEN 1 ELSE 0 END', '0'],
  ['waiting when cancelled', 'CASE WHEN s.status = 5 THEN s.total - s.settled - s.live ELSE 0 END', '0'],
  ...FINAL_OUTCOMES.map(({ column }) => [column, `s.${column}`, `c.${column}`] as const),
]

const BATCHES = `WITH r AS MATERIALIZED (${RECIPIENTS}), finished AS MATERIALIZED (${FINISHED})
 SELECT 'batch ' || s.batch_id || ' ' || f.name AS name, f.stored, f.counted FROM batch_state s
 LEFT JOIN finished e ON e.batch_id = s.batch_id
 CROSS JOIN LATERAL (SELECT count(*) AS total, count(*) FILTER (WHERE due) AS due, count(*) FILTER (WHERE live) AS live,
   count(*) FILTER (WHERE outcome IS NOT NULL) AS settled, count(*) FILTER (WHERE in_line) AS in_line,
   count(*) FILTER (WHERE apart AND NOT live AND NOT due AND outcome IS NULL) AS held, count(*) FILTER (WHERE places > 1) AS twice,
   count(*) FILTER (WHERE NOT live AND NOT due AND outcome IS NULL AND NOT in_line AND NOT apart) AS nowhere,
   ${FINAL_OUTCOMES.map(({ column, code }) => `count(*) FILTER (WHERE outcome = ${code}) AS ${column}`).join(', ')}
   FROM r WHERE r.batch_id = s.batch_id) c
 CROSS JOIN LATERAL (SELECT coalesce(sum(x.end_seq - x.next_seq) FILTER (WHERE x.closed_as IS NULL), 0) AS waiting, coalesce(sum(x.last_seq - x.first_seq), 0) AS places
   FROM lane x WHERE x.organization_id = $1 AND x.batch_id = s.batch_id) l
 CROSS JOIN LATERAL (SELECT count(*) AS live, count(*) FILTER (WHERE state = 1) AS dialing, count(*) FILTER (WHERE state = 2) AS accepted,
   count(*) FILTER (WHERE state = 3) AS ringing, count(*) FILTER (WHERE state = 4) AS talking
   FROM live_call x WHERE x.organization_id = $1 AND x.batch_id = s.batch_id) v
 CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE disposition <> ${NOT_SENT_CODE}) AS attempts, coalesce(sum(ended_ms - answered_ms), 0) AS talk_ms
   FROM attempt x WHERE x.organization_id = $1 AND x.batch_id = s.batch_id) a
 CROSS JOIN LATERAL (VALUES ${FIGURES.map(([name, stored, counted]) => `('${name}', (${stored})::text, (${counted})::text)`).join(', ')}) f(name, stored, counted)
 WHERE s.organization_id = $1`

/** Reads every row of the organization, in one statement and so at one instant. For proofs, not for a busy server. */
export async function findDifferences(client: Client, organizationId: number): Promise<readonly string[]> {
  const differences = await ask<Difference>(
    client,
    `SELECT * FROM (SELECT * FROM (${LIMITS}) x UNION ALL SELECT * FROM (${BATCHES}) y UNION ALL SELECT * FROM (${KEPT_COUNTS}) k) z
     WHERE stored IS DISTINCT FROM counted ORDER BY name`,
    [organizationId],
  )
  return differences.map(({ name, stored, counted }) => `${name}: ${stored} stored, ${counted} counted`)
}
