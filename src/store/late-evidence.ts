import type { AttemptKey } from '../model/attempt-key.ts'
import { plainArray } from './array-literal.ts'
import type { EndedCall } from './end-calls.ts'
import { sameNumberSql } from './erased-numbers.ts'
import { eventBlockSql } from './event-block-sql.ts'
import { DIAL_OUTCOME_COLUMNS, NOT_SENT_CODE } from './outcome-columns.ts'
import { type Queryable, run } from './statement.ts'
import { storableText } from './storable-text.ts'

/** An attempt that has ended, as far as late evidence needs it. */
export interface LateAttempt extends AttemptKey {
  readonly dispositionCode: number
  readonly batchStatus: number
  readonly numberHash: bigint
  readonly claimedAtEpochMs: number
  readonly suppressed: boolean
  /** A later attempt of the recipient exists, ended or live. */
  readonly superseded: boolean
}

/** Rides attempt_pkey, recipient_pkey, live_call_pkey and suppression_pkey. */
export async function endedAttempts(
  client: Queryable,
  organizationId: number,
  attempts: readonly AttemptKey[],
): Promise<LateAttempt[]> {
  const rows = await run(client, {
    name: 'ended_attempts',
    text: `SELECT a.batch_id, a.seq, a.n, a.disposition, b.status, r.number_hash, extract(epoch FROM a.claimed_at)::float8 * 1000,
        EXISTS (SELECT 1 FROM suppression u WHERE u.organization_id = $1::int AND u.number_hash = r.number_hash AND ${sameNumberSql('u.number', 'r.number')}),
        EXISTS (SELECT 1 FROM attempt x WHERE x.organization_id = $1::int AND x.batch_id = a.batch_id AND x.seq = a.seq AND x.n > a.n)
          OR EXISTS (SELECT 1 FROM live_call l WHERE l.organization_id = $1::int AND l.number_hash = r.number_hash AND l.batch_id = a.batch_id AND l.seq = a.seq)
      FROM unnest($2::int[], $3::int[], $4::smallint[]) w(batch_id, seq, n)
      JOIN attempt a ON a.organization_id = $1::int AND a.batch_id = w.batch_id AND a.seq = w.seq AND a.n = w.n
      JOIN batch_state b ON b.organization_id = $1::int AND b.batch_id = w.batch_id
      JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = w.batch_id AND r.seq = w.seq`,
    values: [
      organizationId,
      plainArray(attempts.map((attempt) => attempt.batchId)),
      plainArray(attempts.map((attempt) => attempt.seq)),
      plainArray(attempts.map((attempt) => attempt.n)),
    ],
  })
  return rows.map((row) => ({
    batchId: row[0] as number,
    seq: row[1] as number,
    n: row[2] as number,
    dispositionCode: row[3] as number,
    batchStatus: row[4] as number,
    numberHash: BigInt(row[5] as string),
    claimedAtEpochMs: row[6] as number,
    suppressed: row[7] as boolean,
    superseded: row[8] as boolean,
  }))
}

/** True when the recipient of the attempt `row` has got a verdict, or an attempt `y` after it of which `laterSql` holds. */
const movedOnSql = (row: string, laterSql = 'true') =>
  `EXISTS (SELECT 1 FROM attempt y WHERE y.organization_id = $1::int AND y.batch_id = ${row}.batch_id AND y.seq = ${row}.seq AND y.n > ${row}.n AND ${laterSql})
     OR EXISTS (SELECT 1 FROM verdict j WHERE j.organization_id = $1::int AND j.batch_id = ${row}.batch_id AND j.seq = ${row}.seq)`

/**
 * The carrier's truth about an attempt that had ended `unknown`: the attempt gets it. Unless the recipient has got
 * another dial meanwhile, waits for one, or has a verdict, it is their outcome (an intent that was not sent is no dial): the
 * figures move by the difference, and
 * `recipient-outcome-corrected` is logged. Rides attempt_pkey, verdict_pkey, due_recipient, recipient_pkey, live_call_pkey.
 * False: the attempt is no longer `unknown`; first final wins.
 */
export async function correctUnknown(
  client: Queryable,
  options: { organizationId: number; now: string; call: EndedCall },
): Promise<boolean> {
  const { call } = options
  const column = DIAL_OUTCOME_COLUMNS.get(call.dispositionCode)
  if (column === undefined || column === 'unknown') return false
  const rows = await run(client, {
    name: `correct_unknown_${column}`,
    text: `WITH o AS MATERIALIZED (SELECT coalesce(ended_ms - answered_ms, 0) AS talk_ms FROM attempt
     WHERE organization_id = $1::int AND batch_id = $3::int AND seq = $4::int AND n = $5::smallint),
   d AS (UPDATE attempt SET disposition = $6::smallint, cause = $7::smallint, answered_by = greatest(answered_by, $8::smallint),
       sip_status = nullif($9::int, -1), accepted_ms = coalesce(accepted_ms, nullif($10::int, -1)), ringing_ms = coalesce(ringing_ms, nullif($11::int, -1)),
       answered_ms = coalesce(answered_ms, nullif($12::int, -1)), ended_ms = $13::int, carrier_call_id = coalesce(carrier_call_id, $14::text),
       keys_pressed = CASE WHEN erased_at IS NULL THEN $15::text END, spoken_text = CASE WHEN erased_at IS NULL THEN $16::text END, q850_cause = nullif($17::int, -1)
     WHERE organization_id = $1::int AND batch_id = $3::int AND seq = $4::int AND n = $5::smallint AND disposition = 9
     RETURNING batch_id, seq, n, disposition, claimed_at, answered_ms, ended_ms),
   c AS MATERIALIZED (SELECT NOT (${movedOnSql('d', `y.disposition <> ${NOT_SENT_CODE}`)} OR EXISTS (SELECT 1 FROM due q WHERE q.organization_id = $1::int AND q.batch_id = d.batch_id AND q.seq = d.seq)
       OR EXISTS (SELECT 1 FROM recipient r JOIN live_call l ON l.organization_id = $1::int AND l.number_hash = r.number_hash
         WHERE r.organization_id = $1::int AND r.batch_id = d.batch_id AND r.seq = d.seq AND l.batch_id = d.batch_id AND l.seq = d.seq)) AS is_outcome FROM d),
   s AS (UPDATE batch_state b SET unknown = b.unknown - c.is_outcome::int, ${column} = b.${column} + c.is_outcome::int,
       talk_ms = b.talk_ms + coalesce(d.ended_ms - d.answered_ms, 0) - o.talk_ms
     FROM d, c, o WHERE b.organization_id = $1::int AND b.batch_id = d.batch_id),
   entries AS (SELECT batch_id, seq, n, 7::smallint AS kind, disposition AS code, (extract(epoch FROM claimed_at - $2::timestamptz) * 1000)::int + ended_ms AS at_ms
     FROM d, c WHERE c.is_outcome),
   ${eventBlockSql('entries', '0')}
   SELECT 1 FROM d`,
    values: [
      options.organizationId,
      options.now,
      call.batchId,
      call.seq,
      call.n,
      call.dispositionCode,
      call.causeCode,
      call.answeredByCode,
      call.sipStatus,
      call.acceptedMs,
      call.ringingMs,
      call.answeredMs,
      call.endedMs,
      storableText(call.carrierCallId),
      storableText(call.keysPressed),
      storableText(call.spokenText),
      call.q850Cause,
    ],
  })
  return rows.length === 1
}

/**
 * The call of an attempt that had ended `unknown` lives: its live row comes back with its slots, the attempt row goes,
 * and the recipient is no longer final; a dial that somebody has asked for meanwhile is withdrawn. Whoever asked to end the
 * call has asked still. Slots may exceed a limit by it: the call exists, whatever we would like.
 * A successor of the same number entered `due` when the attempt ended, so the row comes back without one.
 * Rides attempt_pkey, recipient_pkey. False: the attempt is no longer `unknown`, another
 * dial came after it, or its number is in another call.
 */
export async function reviveUnknown(
  client: Queryable,
  options: { organizationId: number; now: string; attempt: AttemptKey; nodeId: number },
): Promise<boolean> {
  const { attempt } = options
  const rows = await run(client, {
    name: 'revive_unknown',
    text: `WITH d AS (DELETE FROM attempt a USING recipient r WHERE a.organization_id = $1::int AND a.batch_id = $3::int AND a.seq = $4::int AND a.n = $5::smallint
       AND a.disposition = 9 AND r.organization_id = $1::int AND r.batch_id = a.batch_id AND r.seq = a.seq
       AND NOT EXISTS (SELECT 1 FROM live_call l WHERE l.organization_id = $1::int AND l.number_hash = r.number_hash)
       AND NOT (${movedOnSql('a')})
     RETURNING a.*, r.number_hash),
   back AS (INSERT INTO live_call (organization_id, number_hash, batch_id, seq, n, counted, lane, trunk_id, node_id, state, successor_seq,
       claimed_at, send_not_after, accepted_ms, carrier_call_id, hang_up_asked)
     SELECT $1::int, d.number_hash, d.batch_id, d.seq, d.n, d.counted, l.lane, d.trunk_id, $6::int, 2, NULL, d.claimed_at, d.claimed_at, coalesce(d.accepted_ms, d.ended_ms), d.carrier_call_id, d.hang_up_asked
     FROM d JOIN lane l ON l.organization_id = $1::int AND l.batch_id = d.batch_id AND d.seq >= l.first_seq AND d.seq < l.last_seq),
   withdrawn AS (DELETE FROM due q USING d WHERE q.organization_id = $1::int AND q.batch_id = d.batch_id AND q.seq = d.seq RETURNING q.seq),
   w AS MATERIALIZED (SELECT count(*)::int AS was_due FROM withdrawn),
   s AS (UPDATE batch_state b SET unknown = b.unknown - 1 + w.was_due, settled = b.settled - 1 + w.was_due, due = b.due - w.was_due, live = b.live + 1, accepted = b.accepted + 1,
       talk_ms = b.talk_ms - coalesce(d.ended_ms - d.answered_ms, 0), status = CASE WHEN b.status <> 4 THEN b.status WHEN b.paused THEN 3 ELSE 2 END, completed_at = NULL
     FROM d, w WHERE b.organization_id = $1::int AND b.batch_id = d.batch_id),
   tr AS (UPDATE trunk_state x SET live = x.live + 1 FROM d WHERE x.organization_id = $1::int AND x.trunk_id = d.trunk_id),
   entries AS (SELECT batch_id, seq, n, (CASE WHEN w.was_due = 0 THEN 8 ELSE 2 END)::smallint AS kind, 0::smallint AS code, 0 AS at_ms FROM d, w),
   ${eventBlockSql('entries', '(SELECT count(*)::int FROM d)')}
   SELECT 1 FROM d`,
    values: [options.organizationId, options.now, attempt.batchId, attempt.seq, attempt.n, options.nodeId],
  })
  return rows.length === 1
}
