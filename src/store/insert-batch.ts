import type { CallingWindow } from '../model/calling-window.ts'
import type { RetryPolicy } from '../model/retry-policy.ts'
import { change } from './ask.ts'
import type { Gate } from './gate.ts'
import { OUTCOME_COLUMNS } from './outcome-columns.ts'
import type { Client } from './owner-transaction.ts'

export interface NewBatch {
  readonly batchId: number
  readonly uuid: string
  readonly name: string
  readonly dialect: string
  /** Made for one call; lists do not show it. */
  readonly single: boolean
  readonly agentId: number
  /** Digits without the plus; null: it calls nobody itself. */
  readonly callerDigits: number | null
  readonly trunkId: number
  readonly ringTimeoutSeconds: number
  readonly maxCallSeconds: number
  readonly callingWindow: CallingWindow | null
  readonly retryPolicy: RetryPolicy
  readonly duplicateNumbers: 'skip' | 'call'
  readonly columns: readonly string[] | null
  readonly phoneColumn: number | null
  readonly rejectedRows: number
  /** JSON texts. */
  readonly metadata: string | null
  readonly dialectFields: string | null
  /** Null: under none. */
  readonly throttleId: number | null
  readonly version: number
  /** Null: now. */
  readonly createdAt: Date | null
}

/** Under the gate. */
export async function insertBatch(client: Client, gate: Gate, batch: NewBatch): Promise<void> {
  await change(
    client,
    `INSERT INTO batch (organization_id, batch_id, batch_uuid, name, dialect, agent_id, caller_number, trunk_id,
       ring_timeout_seconds, max_call_seconds, calling_window, retry_policy, duplicate_numbers, columns, phone_column,
       rejected_rows, metadata, dialect_fields, version, created_at, updated_at, throttle_id, single)
     VALUES ($1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, coalesce($23, $2::timestamptz), $2::timestamptz, $21, $22)`,
    [
      gate.organizationId,
      gate.now,
      batch.batchId,
      batch.uuid,
      batch.name,
      batch.dialect,
      batch.agentId,
      batch.callerDigits,
      batch.trunkId,
      batch.ringTimeoutSeconds,
      batch.maxCallSeconds,
      batch.callingWindow === null ? null : JSON.stringify(batch.callingWindow),
      JSON.stringify(batch.retryPolicy),
      batch.duplicateNumbers,
      batch.columns,
      batch.phoneColumn,
      batch.rejectedRows,
      batch.metadata,
      batch.dialectFields,
      batch.version,
      batch.throttleId,
      batch.single,
      batch.createdAt,
    ],
  )
}

/** Outcomes that a recipient can have from the import on. */
export type ImportOutcome = 'duplicate' | 'invalid-number' | 'not-allowed'

export interface NewBatchState {
  readonly batchId: number
  readonly statusCode: number
  readonly liveMax: number
  readonly total: number
  readonly due: number
  /** Final from the import on, by outcome. */
  readonly settled: Readonly<Record<ImportOutcome, number>>
  readonly startAt: Date | null
  readonly expiresAt: Date | null
  readonly started: boolean
  readonly completed: boolean
  /** Stands in lists of batches that call telephones. */
  readonly listed: boolean
}

export async function insertBatchState(client: Client, gate: Gate, state: NewBatchState): Promise<void> {
  const outcomes = Object.keys(state.settled) as ImportOutcome[]
  const columns = outcomes.map((outcome) => OUTCOME_COLUMNS[outcome])
  const counts = outcomes.map((outcome) => state.settled[outcome])
  await change(
    client,
    `INSERT INTO batch_state (organization_id, batch_id, status, live_max, total, due, start_at, expires_at, started_at,
       completed_at, settled, listed, ${columns.join(', ')})
     VALUES ($1, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $10::bool THEN $2::timestamptz END,
       CASE WHEN $11::bool THEN $2::timestamptz END, $12, $13, ${columns.map((_, index) => `$${14 + index}`).join(', ')})`,
    [
      gate.organizationId,
      gate.now,
      state.batchId,
      state.statusCode,
      state.liveMax,
      state.total,
      state.due,
      state.startAt,
      state.expiresAt,
      state.started,
      state.completed,
      counts.reduce((sum, count) => sum + count, 0),
      state.listed,
      ...counts,
    ],
  )
}

export interface NewLane {
  readonly lane: number
  /** Null: the batch's own way in everything. */
  readonly route: {
    readonly trunkId: number
    readonly callerDigits: number | null
    readonly agentId: number | null
    readonly attemptsMax: number | null
  } | null
  readonly zones: readonly string[]
  readonly firstSeq: number
  /** Those from here on begin in `due`, or are held back behind the same number. */
  readonly endSeq: number
  readonly lastSeq: number
  /** Codes; null for an open lane. */
  readonly closedAs: number | null
  readonly closedCause: number | null
}

/** Few rows: one for each route and set of zones, and one for each reason to be final from the start. */
export async function insertLanes(
  client: Client,
  gate: Gate,
  batch: { batchId: number; trunkId: number },
  lanes: readonly NewLane[],
): Promise<void> {
  await change(
    client,
    `INSERT INTO lane (organization_id, batch_id, lane, trunk_id, caller_number, agent_id, attempts_max, zones, first_seq, next_seq, end_seq, last_seq, closed_as, closed_cause, closed_at)
     SELECT $1::int, $3::int, l.lane, coalesce(l.trunk_id, $4::int), l.caller_number, l.agent_id, l.attempts_max, ARRAY(SELECT jsonb_array_elements_text(l.zones)), l.first_seq, l.first_seq, l.end_seq, l.last_seq,
       l.closed_as, l.closed_cause, CASE WHEN l.closed_as IS NOT NULL THEN $2::timestamptz END
     FROM jsonb_to_recordset($5::jsonb) l(lane smallint, trunk_id int, caller_number bigint, agent_id int, attempts_max smallint, zones jsonb, first_seq int, end_seq int, last_seq int, closed_as smallint, closed_cause smallint)`,
    [
      gate.organizationId,
      gate.now,
      batch.batchId,
      batch.trunkId,
      JSON.stringify(
        lanes.map((lane) => ({
          lane: lane.lane,
          trunk_id: lane.route?.trunkId,
          caller_number: lane.route?.callerDigits,
          agent_id: lane.route?.agentId,
          attempts_max: lane.route?.attemptsMax,
          zones: lane.zones,
          first_seq: lane.firstSeq,
          end_seq: lane.endSeq,
          last_seq: lane.lastSeq,
          closed_as: lane.closedAs,
          closed_cause: lane.closedCause,
        })),
      ),
    ],
  )
}

export interface RejectedRowValues {
  readonly line: number
  readonly column: string
  readonly value: string
  readonly reason: string
  readonly remedy: string
}

export async function insertRejectedRows(
  client: Client,
  batch: { organizationId: number; batchId: number },
  rows: readonly RejectedRowValues[],
): Promise<void> {
  if (rows.length === 0) return
  await change(
    client,
    `INSERT INTO rejected_row (organization_id, batch_id, line, column_name, value, reason, remedy)
     SELECT $1::int, $2::int, * FROM unnest($3::int[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    [
      batch.organizationId,
      batch.batchId,
      rows.map((row) => row.line),
      rows.map((row) => row.column),
      rows.map((row) => row.value),
      rows.map((row) => row.reason),
      rows.map((row) => row.remedy),
    ],
  )
}
