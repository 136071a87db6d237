import { BATCH_STATUS_CODE } from '../model/batch.ts'
import { codeOfOutcome } from '../model/disposition.ts'
import { DUE_REASONS } from '../model/due-reason.ts'
import { EVENT_KINDS } from '../model/event-kind.ts'
import { numberArray } from './array-literal.ts'
import { ask, change } from './ask.ts'
import { ERASED_FROM } from './erased-numbers.ts'
import { eventBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import { FINAL_OUTCOMES, NOT_SENT_CODE } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'

const CLOSED_LATER = `${codeOfOutcome('cancelled')}, ${codeOfOutcome('expired')}`

/**
 * Opens the lanes of a batch that were cancelled or expired, so that somebody in them can be dialled: whoever waited
 * there gets a verdict of their own and the line is empty. `end_seq` stays, since exports read by it.
 * Rides lane_pkey, recipient_pkey.
 */
export async function openClosedLanes(client: Client, organizationId: number, batchId: number): Promise<void> {
  await change(
    client,
    `WITH l AS (SELECT lane, next_seq, end_seq, closed_as, closed_at FROM lane
       WHERE organization_id = $1 AND batch_id = $2 AND closed_as IN (${CLOSED_LATER})),
     v AS (INSERT INTO verdict (organization_id, batch_id, seq, outcome, at)
       SELECT $1, $2, w.seq, l.closed_as, l.closed_at FROM l CROSS JOIN LATERAL generate_series(l.next_seq, l.end_seq - 1) w(seq))
     UPDATE lane x SET next_seq = x.end_seq, closed_as = NULL, closed_cause = NULL, closed_at = NULL FROM l
     WHERE x.organization_id = $1 AND x.batch_id = $2 AND x.lane = l.lane`,
    [organizationId, batchId],
  )
}

/**
 * Makes everyone with one of these outcomes due once more, whatever the retry policy says: `counted` is raised so that
 * the dial that follows is the last. Their verdicts go, the batch runs again, and each gets an event.
 *
 * Whoever was erased is not called again.
 *
 * Under the gate and after {@link openClosedLanes}; lanes that are closed from the import on are never opened.
 * Rides verdict_pkey, attempt_pkey, due_recipient, live_call_pkey. Returns how many there are.
 */
export async function reopenRecipients(
  client: Client,
  gate: Gate,
  batch: { batchId: number; version: number; outcomeCodes: readonly number[]; attemptsMax: number },
): Promise<number> {
  const rows = await ask<{ count: number }>(client, REOPEN, [
    gate.organizationId,
    gate.now,
    batch.batchId,
    numberArray(batch.outcomeCodes),
    batch.attemptsMax,
    batch.version,
  ])
  return rows[0]!.count
}

const REOPEN = `WITH judged AS (SELECT j.seq, j.outcome FROM verdict j
   WHERE j.organization_id = $1::int AND j.batch_id = $3::int AND j.outcome = ANY($4::smallint[])),
 dialled AS (SELECT a.seq, a.disposition AS outcome FROM (SELECT DISTINCT ON (seq) seq, disposition FROM attempt
     WHERE organization_id = $1::int AND batch_id = $3::int AND disposition <> ${NOT_SENT_CODE} ORDER BY seq, n DESC) a
   JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = $3::int AND r.seq = a.seq
   WHERE a.disposition = ANY($4::smallint[])
     AND NOT EXISTS (SELECT 1 FROM verdict j WHERE j.organization_id = $1::int AND j.batch_id = $3::int AND j.seq = a.seq)
     AND NOT EXISTS (SELECT 1 FROM due d WHERE d.organization_id = $1::int AND d.batch_id = $3::int AND d.seq = a.seq)
     AND NOT EXISTS (SELECT 1 FROM live_call v WHERE v.organization_id = $1::int AND v.number_hash = r.number_hash
       AND v.batch_id = $3::int AND v.seq = a.seq)),
 c AS MATERIALIZED (SELECT x.seq, x.outcome, l.lane, h.n, h.counted FROM (SELECT * FROM judged UNION ALL SELECT * FROM dialled) x
   JOIN lane l ON l.organization_id = $1::int AND l.batch_id = $3::int AND x.seq >= l.first_seq AND x.seq < l.last_seq
   JOIN recipient e ON e.organization_id = $1::int AND e.batch_id = $3::int AND e.seq = x.seq AND e.number < ${ERASED_FROM}
   CROSS JOIN LATERAL (SELECT coalesce(max(y.n), 0) + 1 AS n, coalesce(max(y.counted), 0) AS counted FROM attempt y
     WHERE y.organization_id = $1::int AND y.batch_id = $3::int AND y.seq = x.seq) h),
 gone AS (DELETE FROM verdict j USING c WHERE j.organization_id = $1::int AND j.batch_id = $3::int AND j.seq = c.seq),
 again AS (INSERT INTO due (organization_id, batch_id, lane, due_at, seq, n, counted, reason)
   SELECT $1::int, $3::int, lane, $2::timestamptz, seq, n, greatest(counted, $5::int - 1), ${DUE_REASONS['asked-again']} FROM c),
 f AS MATERIALIZED (SELECT count(*)::int AS settled,
   ${FINAL_OUTCOMES.map(({ column, code }) => `(count(*) FILTER (WHERE outcome = ${code}))::int AS ${column}`).join(', ')} FROM c),
 s AS (UPDATE batch_state b SET due = b.due + f.settled, settled = b.settled - f.settled,
     ${FINAL_OUTCOMES.map(({ column }) => `${column} = b.${column} - f.${column}`).join(', ')},
     status = CASE WHEN b.status = ${BATCH_STATUS_CODE.paused} THEN b.status ELSE ${BATCH_STATUS_CODE.running} END,
     paused = b.status = ${BATCH_STATUS_CODE.paused}, completed_at = NULL
   FROM f WHERE b.organization_id = $1::int AND b.batch_id = $3::int AND f.settled > 0),
 marked AS (UPDATE batch b SET version = $6::bigint, retry_count = b.retry_count + (f.settled > 0)::int,
     updated_at = CASE WHEN f.settled > 0 THEN $2::timestamptz ELSE b.updated_at END
   FROM f WHERE b.organization_id = $1::int AND b.batch_id = $3::int),
 entries AS (SELECT $3::int AS batch_id, seq, 0::smallint AS n, ${EVENT_KINDS['recipient-reopened']}::smallint AS kind, outcome AS code, 0 AS at_ms FROM c ORDER BY seq),
 ${eventBlockSql('entries', '0')}
SELECT settled AS count FROM f`
