import { ask, change } from './ask.ts'
import { ERASED_FROM, erasedNumberSql } from './erased-numbers.ts'
import type { Client } from './owner-transaction.ts'

/** Recipients that one step erases: some ten milliseconds of writing. */
const STEP_ROWS = 2_000

export interface ExpiredBatchRow {
  organization_id: number
  batch_id: number
  erased_to_seq: number
  total: number
}

/**
 * A batch that has been over for longer than people of it are kept, locked; undefined when there is none, or other nodes
 * have them. `defaultDays` null: where an organization says nothing, they are kept. Reads the states of batches that are
 * over and not erased; once an hour, unless there is something to do.
 */
export async function takeExpiredBatch(
  client: Client,
  defaultDays: number | null,
): Promise<ExpiredBatchRow | undefined> {
  const rows = await ask<ExpiredBatchRow>(
    client,
    `SELECT b.organization_id, b.batch_id, b.erased_to_seq, s.total FROM (SELECT carillon_now() AS now OFFSET 0) t CROSS JOIN organization o
     JOIN batch b ON b.organization_id = o.organization_id AND b.erased_at IS NULL
     JOIN batch_state s ON s.organization_id = b.organization_id AND s.batch_id = b.batch_id
     WHERE coalesce(o.retention_days, $1::int) IS NOT NULL AND s.status IN (4, 5) AND s.live = 0
       AND coalesce(s.completed_at, b.updated_at) < t.now - coalesce(o.retention_days, $1::int) * interval '1 day'
     LIMIT 1 FOR UPDATE OF b SKIP LOCKED`,
    [defaultDays],
  )
  return rows[0]
}

/**
 * Erases the next people of the batch. Counts, outcomes and times stay. Rides recipient_pkey, attempt_pkey and
 * rejected_row_pkey.
 */
export async function eraseNextPeople(client: Client, row: ExpiredBatchRow): Promise<void> {
  const { organization_id: organizationId, batch_id: batchId, erased_to_seq: after } = row
  const upTo = after + STEP_ROWS
  const range = [organizationId, batchId, after, upTo]
  await change(
    client,
    `UPDATE recipient SET variables = NULL, metadata = NULL, dialect_fields = NULL, number = ${erasedNumberSql('number_hash')}
     WHERE organization_id = $1 AND batch_id = $2 AND seq > $3 AND seq <= $4 AND number < ${ERASED_FROM}`,
    range,
  )
  await change(
    client,
    `UPDATE attempt SET spoken_text = NULL, keys_pressed = NULL, erased_at = carillon_now()
     WHERE organization_id = $1 AND batch_id = $2 AND seq > $3 AND seq <= $4 AND erased_at IS NULL`,
    range,
  )
  const isDone = upTo >= row.total
  if (isDone)
    await change(
      client,
      `UPDATE rejected_row SET value = '' WHERE organization_id = $1 AND batch_id = $2`,
      range.slice(0, 2),
    )
  await change(
    client,
    'UPDATE batch SET erased_to_seq = $3, erased_at = CASE WHEN $4 THEN carillon_now() END WHERE organization_id = $1 AND batch_id = $2',
    [organizationId, batchId, upTo, isDone],
  )
}
