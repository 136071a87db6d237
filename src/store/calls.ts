import { EVENT_KINDS } from '../model/event-kind.ts'
import { ask, change } from './ask.ts'
import type { Gate } from './gate.ts'
import { NOT_SENT_CODE } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'
import type { AttemptRow } from './recipients.ts'

/** A dial that was sent, with who was called and the batch it belongs to. Codes are those of src/model/. */
export interface CallRow extends AttemptRow {
  batch_id: number
  seq: number
  erased_at: Date | null
  number: string
  variables: string | null
  metadata: string | null
  dialect_fields: string | null
  columns: string[] | null
  phone_column: number | null
  batch_uuid: string
  single: boolean
  dialect: string
  batch_fields: Record<string, unknown> | null
  agent_uuid: string
  agent_name: string
  agent_aliases: string[]
  caller_number: string | null
  /** Microseconds since 1970: with batch_id, seq and n the place in the list. */
  claimed_us: number
}

/** Where the page begins. */
const BESIDE_AT = "timestamptz 'epoch' + $2::float8 * interval '1 microsecond'"

/** As the index event_block_dials has it. */
const ATTEMPT_DIALING = EVENT_KINDS['attempt-dialing']

const FACTS = `n, disposition, state, cause, answered_by, sip_status, q850_cause, claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms,
   carrier_call_id, keys_pressed, spoken_text`

const ENDED = `a.batch_id, a.seq, a.n, a.disposition, NULL::smallint AS state, a.cause, a.answered_by, a.sip_status, a.q850_cause, a.claimed_at,
   a.accepted_ms, a.ringing_ms, a.answered_ms, a.ended_ms, a.carrier_call_id, a.keys_pressed, a.spoken_text, a.erased_at`

const LIVE = `v.batch_id, v.seq, v.n, NULL::smallint, v.state, 0::smallint, v.answered_by, NULL::smallint, NULL::smallint, v.claimed_at,
   v.accepted_ms, v.ringing_ms, v.answered_ms, NULL::int, v.carrier_call_id, NULL::text, NULL::text, NULL::timestamptz`

/** What belongs to the dials `c`. Rides recipient_pkey, batch_pkey, agent_pkey, lane_pkey and alias_pkey. */
const WITH_WHOM = `SELECT c.batch_id, c.seq, ${FACTS.split(/,\s*/)
  .map((column) => `c.${column}`)
  .join(', ')}, c.erased_at, r.number, r.variables, r.metadata, r.dialect_fields,
   b.columns, b.phone_column, b.batch_uuid, b.single, b.dialect, b.dialect_fields AS batch_fields, g.agent_uuid, g.name AS agent_name,
   ARRAY(SELECT x.alias FROM alias x WHERE x.organization_id = $1::int AND x.kind = 'agent' AND x.object_id = b.agent_id ORDER BY x.alias) AS agent_aliases,
   coalesce(l.caller_number, b.caller_number)::text AS caller_number, (extract(epoch FROM c.claimed_at) * 1000000)::float8 AS claimed_us
 FROM c JOIN recipient r ON r.organization_id = $1::int AND r.batch_id = c.batch_id AND r.seq = c.seq
 JOIN batch b ON b.organization_id = $1::int AND b.batch_id = c.batch_id
 JOIN agent g ON g.organization_id = $1::int AND g.agent_id = b.agent_id
 LEFT JOIN LATERAL (SELECT x.caller_number FROM lane x WHERE x.organization_id = $1::int AND x.batch_id = c.batch_id
   AND c.seq >= x.first_seq AND c.seq < x.last_seq LIMIT 1) l ON true`

export interface CallFilter {
  /** Only those of one batch; of one agent. */
  readonly batchId: number | null
  readonly agentId: number | null
  /** Codes: ended ones with one of these dispositions, live ones in one of these states. Null: all. */
  readonly dispositions: readonly number[] | null
  readonly liveStates: readonly number[] | null
  /** Dialled at or after, and before. */
  readonly from: Date | null
  readonly before: Date | null
}

/** A place in the list: microseconds since 1970, batch_id, seq, n. */
export type CallPlace = readonly [claimedUs: number, batchId: number, seq: number, n: number]

/**
 * Dials newest first, or with `backwards` oldest first. Those that are over are found through the events of their claims:
 * rides event_block_dials, then attempt_pkey, and looks at all dials of a claim for one of them. For live ones it reads those
 * of the organization, at most as many as its limit. With a filter it looks at the dials of others on its way, no earlier
 * than the batch or the agent was made.
 */
export function selectCalls(
  client: Client,
  organizationId: number,
  page: { beside: CallPlace | null; backwards: boolean; limit: number },
  filter: CallFilter,
): Promise<CallRow[]> {
  const [relation, direction] = page.backwards ? ['>', 'ASC'] : ['<', 'DESC']
  const order = (columns: readonly string[]) => columns.map((column) => `${column} ${direction}`).join(', ')
  const keyOf = (alias: string) => ['claimed_at', 'batch_id', 'seq', 'n'].map((column) => `${alias}.${column}`)
  const claimed = ['e.at', 'x.batch_id', 'x.seq', 'x.n']
  const wanted = (key: readonly string[]) => {
    const [at, batchId] = key
    return `($2::float8 IS NULL OR (${at} ${relation}= ${BESIDE_AT} AND (${key.join(', ')}) ${relation} (${BESIDE_AT}, $3::int, $4::int, $5::smallint)))
     AND ($6::timestamptz IS NULL OR ${at} >= $6::timestamptz) AND ($7::timestamptz IS NULL OR ${at} < $7::timestamptz)
     AND ($8::int IS NULL OR ${batchId} = $8::int)
     AND EXISTS (SELECT 1 FROM batch b WHERE b.organization_id = $1::int AND b.batch_id = ${batchId} AND b.deleted_at IS NULL
       AND ($9::int IS NULL OR b.agent_id = $9::int))`
  }
  return ask<CallRow>(
    client,
    `WITH c AS MATERIALIZED (SELECT * FROM (
     (SELECT ${ENDED} FROM event_block e CROSS JOIN LATERAL unnest(e.batch_id, e.seq, e.n, e.kind) x(batch_id, seq, n, kind)
        CROSS JOIN LATERAL (SELECT * FROM attempt a WHERE a.organization_id = $1::int AND a.batch_id = x.batch_id AND a.seq = x.seq AND a.n = x.n
          AND a.claimed_at = e.at AND a.disposition <> ${NOT_SENT_CODE} AND ($10::smallint[] IS NULL OR a.disposition = ANY($10::smallint[])) LIMIT 1) a
        WHERE e.organization_id = $1::int AND ${ATTEMPT_DIALING} = ANY(e.kind) AND x.kind = ${ATTEMPT_DIALING} AND ${wanted(claimed)}
        ORDER BY ${order(claimed)} LIMIT $12)
     UNION ALL (SELECT ${LIVE} FROM live_call v WHERE v.organization_id = $1::int AND ${wanted(keyOf('v'))}
        AND ($11::smallint[] IS NULL OR v.state = ANY($11::smallint[])) ORDER BY ${order(keyOf('v'))} LIMIT $12)) x ORDER BY ${order(keyOf('x'))} LIMIT $12)
   ${WITH_WHOM} ORDER BY ${order(keyOf('c'))}`,
    [
      organizationId,
      ...(page.beside ?? [null, null, null, null]),
      filter.from,
      filter.before,
      filter.batchId,
      filter.agentId,
      filter.dispositions,
      filter.liveStates,
      page.limit,
    ],
  )
}

/** One dial; `n` null: the latest one of the recipient. Rides attempt_pkey, recipient_pkey and live_call_pkey. */
export async function findCall(
  client: Client,
  key: { organizationId: number; batchId: number; seq: number; n: number | null },
): Promise<CallRow | undefined> {
  const rows = await ask<CallRow>(
    client,
    `WITH c AS (SELECT * FROM (SELECT ${ENDED} FROM attempt a WHERE a.organization_id = $1::int AND a.batch_id = $2::int AND a.seq = $3::int
       AND a.disposition <> ${NOT_SENT_CODE}
     UNION ALL SELECT ${LIVE} FROM recipient r JOIN live_call v ON v.organization_id = $1::int AND v.number_hash = r.number_hash
       AND v.batch_id = $2::int AND v.seq = $3::int WHERE r.organization_id = $1::int AND r.batch_id = $2::int AND r.seq = $3::int) x
     WHERE ($4::smallint IS NULL OR x.n = $4::smallint)
       AND EXISTS (SELECT 1 FROM batch b WHERE b.organization_id = $1::int AND b.batch_id = $2::int AND b.deleted_at IS NULL)
     ORDER BY x.n DESC LIMIT 1) ${WITH_WHOM}`,
    [key.organizationId, key.batchId, key.seq, key.n],
  )
  return rows[0]
}

/**
 * Marks the live call of a recipient as one that is to be ended. Under the gate, with a new version: nodes look then.
 * Rides recipient_pkey and live_call_pkey. Zero: it does not live (any more).
 */
export function askToHangUp(
  client: Client,
  gate: Gate,
  key: { batchId: number; seq: number; n: number },
): Promise<number> {
  return change(
    client,
    `UPDATE live_call v SET hang_up_asked = true FROM recipient r
     WHERE r.organization_id = $1 AND r.batch_id = $2 AND r.seq = $3 AND v.organization_id = $1 AND v.number_hash = r.number_hash
       AND v.batch_id = $2 AND v.seq = $3 AND v.n = $4`,
    [gate.organizationId, key.batchId, key.seq, key.n],
  )
}

/**
 * Erases what was said in one dial, and what was known of its recipient beside the number. Rides attempt_pkey and
 * recipient_pkey.
 */
export async function eraseCall(
  client: Client,
  gate: Gate,
  key: { batchId: number; seq: number; n: number },
): Promise<void> {
  const { batchId, seq, n } = key
  await change(
    client,
    `UPDATE attempt SET spoken_text = NULL, keys_pressed = NULL, erased_at = coalesce(erased_at, $2::timestamptz)
     WHERE organization_id = $1 AND batch_id = $3 AND seq = $4 AND n = $5`,
    [gate.organizationId, gate.now, batchId, seq, n],
  )
  await change(
    client,
    `UPDATE recipient SET variables = NULL, metadata = NULL, dialect_fields = NULL
     WHERE organization_id = $1 AND batch_id = $2 AND seq = $3`,
    [gate.organizationId, batchId, seq],
  )
}
