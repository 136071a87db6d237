import { ask } from './ask.ts'
import { NOT_SENT_CODE } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'

/** A recipient with where it is, its outcome and its latest dial. Codes are those of src/model/. */
export interface RecipientRow {
  batch_id: number
  batch_uuid: string
  seq: number
  line: number
  number: string
  variables: string | null
  metadata: string | null
  dialect_fields: string | null
  columns: string[] | null
  phone_column: number | null
  /** Null until it is final. */
  outcome: number | null
  finished_at: Date | null
  lane: number
  lane_cause: number | null
  /** Of the row in `due`; null when there is none. */
  due_at: Date | null
  due_reason: number | null
  /** Of the live call; null when there is none. */
  live_state: number | null
  live_n: number | null
  live_claimed_at: Date | null
  live_answered_ms: number | null
  live_answered_by: number | null
  /** Of the last attempt that ended and was sent; null when there is none. */
  n: number | null
  cause: number | null
  answered_by: number | null
  claimed_at: Date | null
  answered_ms: number | null
  ended_ms: number | null
  keys_pressed: string | null
  /** Over all attempts that were sent. */
  dials: number
  first_claimed_at: Date | null
  talk_ms: number
}

/**
 * Where a recipient is: its live row, else its row in `due`, else its verdict, else its last attempt that was sent, else
 * the closed lane it waits in, else it waits. An attempt counts before the lane, since somebody may have been asked
 * again after the lane was closed.
 */
export const OUTCOME_SQL = `CASE WHEN v.seq IS NOT NULL OR d.seq IS NOT NULL THEN NULL WHEN j.outcome IS NOT NULL THEN j.outcome
   WHEN a.disposition IS NOT NULL THEN a.disposition WHEN r.seq >= l.next_seq AND r.seq < l.end_seq THEN l.closed_as END`

/**
 * Everything that {@link OUTCOME_SQL} names, for the recipients `r`. Each is probed by LATERAL ... LIMIT 1, so that the
 * planner cannot read all lanes or live calls of the organization for each recipient, as it does for joins.
 * Rides lane_pkey, due_recipient, live_call_pkey, verdict_pkey and attempt_pkey.
 */
export const WHEREABOUTS_SQL = `CROSS JOIN LATERAL (SELECT x.* FROM lane x WHERE x.organization_id = $1::int AND x.batch_id = r.batch_id
   AND r.seq >= x.first_seq AND r.seq < x.last_seq LIMIT 1) l
 LEFT JOIN LATERAL (SELECT x.* FROM due x WHERE x.organization_id = $1::int AND x.batch_id = r.batch_id AND x.seq = r.seq LIMIT 1) d ON true
 LEFT JOIN LATERAL (SELECT x.* FROM live_call x WHERE x.organization_id = $1::int AND x.number_hash = r.number_hash
   AND x.batch_id = r.batch_id AND x.seq = r.seq LIMIT 1) v ON true
 LEFT JOIN LATERAL (SELECT x.* FROM verdict x WHERE x.organization_id = $1::int AND x.batch_id = r.batch_id AND x.seq = r.seq LIMIT 1) j ON true
 LEFT JOIN LATERAL (SELECT x.* FROM attempt x WHERE x.organization_id = $1::int AND x.batch_id = r.batch_id AND x.seq = r.seq
   AND x.disposition <> ${NOT_SENT_CODE} ORDER BY x.n DESC LIMIT 1) a ON true`

const COLUMNS = `r.batch_id, b.batch_uuid, r.seq, r.line, r.number, r.variables, r.metadata, r.dialect_fields, b.columns, b.phone_column,
   (${OUTCOME_SQL}) AS outcome, CASE WHEN j.outcome IS NOT NULL THEN j.at WHEN a.disposition IS NOT NULL THEN a.claimed_at + a.ended_ms * interval '1 ms'
     WHEN r.seq >= l.next_seq AND r.seq < l.end_seq THEN l.closed_at END AS finished_at,
   l.lane, l.closed_cause AS lane_cause, d.due_at, d.reason AS due_reason, v.state AS live_state, v.n AS live_n, v.claimed_at AS live_claimed_at,
   v.answered_ms AS live_answered_ms, v.answered_by AS live_answered_by,
   a.n, a.cause, a.answered_by, a.claimed_at, a.answered_ms, a.ended_ms, a.keys_pressed,
   h.dials, h.first_claimed_at, h.talk_ms`

const HISTORY = `CROSS JOIN LATERAL (SELECT count(*)::int AS dials, min(x.claimed_at) AS first_claimed_at,
     coalesce(sum(x.ended_ms - x.answered_ms), 0)::float8 AS talk_ms
   FROM attempt x WHERE x.organization_id = $1::int AND x.batch_id = r.batch_id AND x.seq = r.seq AND x.disposition <> ${NOT_SENT_CODE}) h`

/** A part of a batch in the order of `seq`. */
export interface RecipientRange {
  readonly organizationId: number
  readonly batchId: number
  /** Inclusive. */
  readonly fromSeq: number
  /** Exclusive. */
  readonly toSeq: number
  readonly limit: number
}

const SELECT_RECIPIENTS = `SELECT ${COLUMNS} FROM (SELECT * FROM recipient WHERE organization_id = $1::int AND batch_id = $2::int
   AND seq >= $3::int AND seq < $4::int ORDER BY seq LIMIT $5::int) r
 JOIN batch b ON b.organization_id = $1::int AND b.batch_id = $2::int ${WHEREABOUTS_SQL} ${HISTORY} ORDER BY r.seq`

/** Rides recipient_pkey; reads no more than `limit` recipients. Prepared, since an export runs it thousands of times. */
export async function selectRecipients(client: Client, range: RecipientRange): Promise<RecipientRow[]> {
  const values = [range.organizationId, range.batchId, range.fromSeq, range.toSeq, range.limit]
  const result = await client.query<RecipientRow>({ name: 'select_recipients', text: SELECT_RECIPIENTS, values })
  return result.rows
}

/** Some recipients of a batch, by their places in it; those that do not exist are left out. Rides recipient_pkey. */
export function selectRecipientsOf(
  client: Client,
  wanted: { organizationId: number; batchId: number; seqs: readonly number[] },
): Promise<RecipientRow[]> {
  return ask<RecipientRow>(
    client,
    `SELECT ${COLUMNS} FROM (SELECT * FROM recipient WHERE organization_id = $1::int AND batch_id = $2::int AND seq = ANY($3::int[])) r
     JOIN batch b ON b.organization_id = $1::int AND b.batch_id = $2::int ${WHEREABOUTS_SQL} ${HISTORY} ORDER BY r.seq`,
    [wanted.organizationId, wanted.batchId, wanted.seqs],
  )
}

/** Codes; a recipient is wanted when it is in one of the states or has one of the outcomes. */
export interface RecipientFilter {
  readonly waiting: boolean
  readonly due: boolean
  /** States of live calls. */
  readonly liveStates: readonly number[]
  readonly outcomes: readonly number[]
}

/**
 * Recipients of a filter in the order of `seq`, or against it with `backwards`. Looks at every recipient of the range,
 * from the end where it begins, until enough are found, at some microseconds each.
 */
export function selectFilteredRecipients(
  client: Client,
  range: RecipientRange & { readonly offset: number; readonly backwards: boolean },
  filter: RecipientFilter,
): Promise<RecipientRow[]> {
  const order = range.backwards ? 'r.seq DESC' : 'r.seq'
  return ask<RecipientRow>(
    client,
    `SELECT ${COLUMNS} FROM (SELECT r.* FROM recipient r ${WHEREABOUTS_SQL}
       WHERE r.organization_id = $1::int AND r.batch_id = $2::int AND r.seq >= $3 AND r.seq < $4
         AND CASE WHEN v.seq IS NOT NULL THEN v.state = ANY($9::smallint[]) WHEN d.seq IS NOT NULL THEN $8::bool
           WHEN (${OUTCOME_SQL}) IS NULL THEN $7::bool ELSE (${OUTCOME_SQL}) = ANY($10::smallint[]) END
       ORDER BY ${order} LIMIT $5 OFFSET $6) r
     JOIN batch b ON b.organization_id = $1::int AND b.batch_id = $2::int ${WHEREABOUTS_SQL} ${HISTORY} ORDER BY ${order}`,
    [
      range.organizationId,
      range.batchId,
      range.fromSeq,
      range.toSeq,
      range.limit,
      range.offset,
      filter.waiting,
      filter.due,
      filter.liveStates,
      filter.outcomes,
    ],
  )
}

export interface AttemptRow {
  n: number
  /** Null while it lives. */
  disposition: number | null
  /** Of a live call. */
  state: number | null
  cause: number
  answered_by: number
  sip_status: number | null
  q850_cause: number | null
  claimed_at: Date
  accepted_ms: number | null
  ringing_ms: number | null
  answered_ms: number | null
  ended_ms: number | null
  carrier_call_id: string | null
  keys_pressed: string | null
  spoken_text: string | null
}

/** All attempts of one recipient in their order, the live one last. Rides attempt_pkey, recipient_pkey, live_call_pkey. */
export function selectAttempts(
  client: Client,
  key: { organizationId: number; batchId: number; seq: number },
): Promise<AttemptRow[]> {
  return ask<AttemptRow>(
    client,
    `SELECT n, disposition, NULL::smallint AS state, cause, answered_by, sip_status, q850_cause, claimed_at, accepted_ms, ringing_ms, answered_ms,
       ended_ms, carrier_call_id, keys_pressed, spoken_text
     FROM attempt WHERE organization_id = $1 AND batch_id = $2 AND seq = $3
     UNION ALL SELECT v.n, NULL, v.state, 0, v.answered_by, NULL, NULL, v.claimed_at, v.accepted_ms, v.ringing_ms, v.answered_ms, NULL,
       v.carrier_call_id, NULL, NULL
     FROM recipient r JOIN live_call v ON v.organization_id = $1 AND v.number_hash = r.number_hash AND v.batch_id = $2 AND v.seq = $3
     WHERE r.organization_id = $1 AND r.batch_id = $2 AND r.seq = $3 ORDER BY n`,
    [key.organizationId, key.batchId, key.seq],
  )
}

export interface LaneRow {
  lane: number
  trunk_id: number
  zones: string[]
  first_seq: number
  next_seq: number
  end_seq: number
  last_seq: number
  closed_as: number | null
}

/** The lanes of a batch. Rides lane_pkey. */
export function selectLanes(client: Client, key: { organizationId: number; batchId: number }): Promise<LaneRow[]> {
  return ask<LaneRow>(
    client,
    `SELECT l.lane, l.trunk_id, l.zones, l.first_seq, l.next_seq, l.end_seq, l.last_seq, l.closed_as
     FROM lane l WHERE l.organization_id = $1 AND l.batch_id = $2 ORDER BY l.lane`,
    [key.organizationId, key.batchId],
  )
}
