import { int2Array, int4Array, packedTextSql, packedTexts } from './binary-array.ts'
import type { CallSteps } from './call-events.ts'
import { columnsSql } from './columns-sql.ts'
import { eachSearch, type LocatedCall, SearchColumns, searchFor } from './live-row-sql.ts'
import { NOT_SENT_CODE } from './outcome-columns.ts'
import type { Statement } from './statement.ts'

/** One call that is over; -1 in a number means "not known". */
export interface EndedCall extends CallSteps, LocatedCall {
  readonly lane: number
  /** Dials of the recipient, with this one. */
  readonly counted: number
  /** Who is called next by the same number; null: nobody. */
  readonly successorSeq: number | null
  readonly trunkId: number
  dispositionCode: number
  causeCode: number
  readonly answeredByCode: number
  readonly sipStatus: number
  readonly q850Cause: number
  readonly endedMs: number
  readonly carrierCallId: string | null
  readonly keysPressed: string | null
  readonly spokenText: string | null
  /** Milliseconds from the transaction's time to the next attempt; -1: the recipient is final. */
  retryAfterMs: number
  readonly dueReasonCode: number
}

/** Calls, column by column, behind what their rows are found by. */
const CALL_COLUMNS = {
  batch_id: 'int',
  seq: 'int',
  n: 'smallint',
  was: 'smallint',
  disposition: 'smallint',
  cause: 'smallint',
  answered_by: 'smallint',
  sip: 'int',
  q850: 'int',
  acc: 'int',
  ring: 'int',
  ans: 'int',
  fin: 'int',
} as const
const { all, of, next: CARRIER_CALL_IDS } = columnsSql(CALL_COLUMNS, { first: 4, index: 'd.i' })
const KEYS_PRESSED = CARRIER_CALL_IDS + 3
const SPOKEN_TEXTS = KEYS_PRESSED + 3

/**
 * Moves the rows of calls that are over from `live_call` to `attempt`. First final wins. All or nothing, like
 * `progress-calls.ts`, so that what follows from the ends is known without asking these rows.
 *
 * Needs no gate. Rides no index of live calls, or live_call_pkey where places are not known; writes attempt_pkey.
 */
const END_ROWS = eachSearch(2, (search) => ({
  ...search,
  text: `WITH d AS (DELETE FROM live_call l WHERE ${search.rows}
   RETURNING l.batch_id, l.seq, l.n, l.state, l.counted, l.trunk_id, l.node_id, l.claimed_at, l.accepted_ms, l.ringing_ms, l.answered_ms,
     l.answered_by, l.carrier_call_id, l.hang_up_asked, ${search.index} AS i),
 -- In the order of the calls, which is that of the key. A row that moved while it was waited for is none of them, and fails the statement below.
 kept AS (INSERT INTO attempt (organization_id, batch_id, seq, n, counted, trunk_id, node_id, disposition, cause, answered_by, sip_status,
     claimed_at, accepted_ms, ringing_ms, answered_ms, ended_ms, carrier_call_id, keys_pressed, spoken_text, q850_cause, hang_up_asked)
   SELECT $1::int, d.batch_id, d.seq, d.n, d.counted - (${of('disposition')} = ${NOT_SENT_CODE})::int, d.trunk_id, d.node_id, ${of('disposition')}, ${of('cause')}, greatest(${of('answered_by')}, d.answered_by),
     nullif(${of('sip')}, -1), d.claimed_at, coalesce(d.accepted_ms, nullif(${of('acc')}, -1)), coalesce(d.ringing_ms, nullif(${of('ring')}, -1)),
     coalesce(d.answered_ms, nullif(${of('ans')}, -1)), ${of('fin')}, coalesce(d.carrier_call_id, ${packedTextSql(CARRIER_CALL_IDS, 'd.i')}),
     ${packedTextSql(KEYS_PRESSED, 'd.i')}, ${packedTextSql(SPOKEN_TEXTS, 'd.i')}, nullif(${of('q850')}, -1), d.hang_up_asked
   FROM d WHERE d.i > 0 ORDER BY d.i)
SELECT require_all((SELECT count(*) FROM d WHERE (d.batch_id, d.seq, d.n, d.state) = (${of('batch_id')}, ${of('seq')}, ${of('n')}, ${of('was')})), cardinality(${all('batch_id')}))`,
}))

/** To be run before or under the gate; their figures follow under it, in the same transaction. */
export function endRows(organizationId: number, calls: readonly EndedCall[]): Statement {
  const search = searchFor(calls, END_ROWS)
  return {
    name: `end_rows_${search.name}`,
    text: search.text,
    values: [
      organizationId,
      ...new SearchColumns(calls, search).parameters,
      int4Array(calls, (call) => call.batchId),
      int4Array(calls, (call) => call.seq),
      int2Array(calls, (call) => call.n),
      int2Array(calls, (call) => call.savedState),
      int2Array(calls, (call) => call.dispositionCode),
      int2Array(calls, (call) => call.causeCode),
      int2Array(calls, (call) => call.answeredByCode),
      int4Array(calls, (call) => call.sipStatus),
      int4Array(calls, (call) => call.q850Cause),
      int4Array(calls, (call) => call.acceptedMs),
      int4Array(calls, (call) => call.ringingMs),
      int4Array(calls, (call) => call.answeredMs),
      int4Array(calls, (call) => call.endedMs),
      ...packedTexts(calls, (call) => call.carrierCallId),
      ...packedTexts(calls, (call) => call.keysPressed),
      ...packedTexts(calls, (call) => call.spokenText),
    ],
  }
}
