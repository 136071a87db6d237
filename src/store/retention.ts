import { ask, change } from './ask.ts'
import { emptyKeptAnswersOfBatch, eraseReceiverAnswers } from './erased-answers.ts'
import { ERASED_FROM, erasedNumberSql } from './erased-numbers.ts'
import type { Client } from './owner-transaction.ts'

/** Recipients, and lines of rejected rows, that one step erases: some ten milliseconds of writing. */
const STEP_ROWS = 2_000

export interface ExpiredBatchRow {
  organization_id: number
  batch_id: number
  erased_to_seq: number
  total: number
}

/**
 * A batch that has been over for longer than people of it are kept, locked; undefined when there is none, or other nodes
 * have them. `defaultDays` null: where an organization says nothing, they are kept. One probe of batch_state_over for each
 * organization; it and the batch are locked together, so that whoever waits for one of them waits for nothing else.
 */
export async function takeExpiredBatch(
  client: Client,
  defaultDays: number | null,
): Promise<ExpiredBatchRow | undefined> {
  const oldest = await ask<{ organization_id: number; batch_id: number }>(client, OLDEST_EXPIRED, [defaultDays])
  for (const { organization_id, batch_id } of oldest) {
    const rows = await ask<ExpiredBatchRow>(client, LOCK_EXPIRED, [organization_id, batch_id])
    if (rows[0] !== undefined) return rows[0]
  }
  return undefined
}

/** One batch of each organization, of some of them: whatever another node has at work, there are others. */
export const OLDEST_EXPIRED = `SELECT o.organization_id, oldest.batch_id FROM (SELECT carillon_now() AS now OFFSET 0) t CROSS JOIN organization o
 CROSS JOIN LATERAL (SELECT x.batch_id FROM batch_state x WHERE x.organization_id = o.organization_id AND x.status IN (4, 5)
   AND NOT x.people_erased AND x.completed_at < t.now - coalesce(o.retention_days, $1::int) * interval '1 day'
   ORDER BY x.completed_at LIMIT 1) oldest
 WHERE coalesce(o.retention_days, $1::int) IS NOT NULL LIMIT 20`

/** Zero rows: another transaction has it, or it is not over any more, or erased meanwhile. Rides both primary keys. */
const LOCK_EXPIRED = `SELECT b.organization_id, b.batch_id, b.erased_to_seq, s.total FROM batch_state s
 JOIN batch b ON b.organization_id = $1::int AND b.batch_id = $2::int
 WHERE s.organization_id = $1::int AND s.batch_id = $2::int AND s.status IN (4, 5) AND NOT s.people_erased
 FOR UPDATE OF s, b SKIP LOCKED`

/**
 * Erases the next people of the batch. Counts, outcomes and times stay. Rides recipient_pkey, attempt_pkey,
 * rejected_row_pkey and webhook_delivery_answered.
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
  await eraseReceiverAnswers(client, organizationId, { batchId, firstSeq: after, lastSeq: upTo })
  // A row of a file that is no recipient has no place among them, so lines are gone through beside the places.
  await change(
    client,
    `UPDATE rejected_row SET value = '' WHERE organization_id = $1 AND batch_id = $2 AND line > $3 AND line <= $4`,
    range,
  )
  const isDone = upTo >= row.total && !(await hasLinesBehind(client, row, upTo))
  if (isDone) {
    const batch = range.slice(0, 2)
    await change(
      client,
      'UPDATE batch_state SET people_erased = true WHERE organization_id = $1 AND batch_id = $2',
      batch,
    )
    await emptyKeptAnswersOfBatch(client, organizationId, batchId)
  }
  await change(
    client,
    'UPDATE batch SET erased_to_seq = $3, erased_at = CASE WHEN $4 THEN carillon_now() END WHERE organization_id = $1 AND batch_id = $2',
    [organizationId, batchId, upTo, isDone],
  )
}

/** Whether rows of the batch's file were rejected behind a line. Rides rejected_row_pkey. */
async function hasLinesBehind(client: Client, row: ExpiredBatchRow, line: number): Promise<boolean> {
  const rows = await ask(
    client,
    'SELECT 1 FROM rejected_row WHERE organization_id = $1 AND batch_id = $2 AND line > $3 LIMIT 1',
    [row.organization_id, row.batch_id, line],
  )
  return rows.length > 0
}
