import { ask, change } from './ask.ts'
import { emptyKeptAnswersOfBatch, eraseReceiverAnswers } from './erased-answers.ts'
import { erasedNumberSql } from './erased-numbers.ts'
import type { Client } from './owner-transaction.ts'
import { OUTCOME_SQL, WHEREABOUTS_SQL } from './recipients.ts'

/** What an erasure works through, one after the other. */
export const ERASURE_PHASE = { lists: 1, rejectedRows: 2, keptAnswers: 3 } as const
export type ErasurePhase = (typeof ERASURE_PHASE)[keyof typeof ERASURE_PHASE]

export interface ErasureRow {
  organization_id: number
  erasure_id: string
  number_hash: string
  number: string | null
  requested_at: Date
  phase: ErasurePhase
  /** Behind which recipient, or which line of rejected rows, the next ones are read. */
  batch_id: number
  seq: number
  recipients: number
  attempts: number
  rejected_rows: number
  open: number
  /** Behind which kept answer the next ones are read. */
  answers_after: string
  finished_at: Date | null
}

const COLUMNS =
  'organization_id, erasure_id, number_hash, number, requested_at, phase, batch_id, seq, recipients, attempts, rejected_rows, open, answers_after, finished_at'

/** Recipients, or rejected rows, that one step looks at: some ten milliseconds of reading. */
const STEP_ROWS = 20_000
/** People who are not final yet are looked for again after this. */
const AGAIN = "interval '1 hour'"

export async function insertErasure(
  client: Client,
  row: { organizationId: number; erasureId: string; hash: string; digits: number },
): Promise<void> {
  await change(
    client,
    `INSERT INTO erasure (organization_id, erasure_id, number_hash, number, requested_at, next_at)
     SELECT $1, $2, $3::bigint, $4::bigint, t.now, t.now FROM (SELECT carillon_now() AS now OFFSET 0) t`,
    [row.organizationId, row.erasureId, row.hash, row.digits],
  )
}

/** Rides erasure_pkey. */
export async function findErasure(client: Client, organizationId: number, id: string): Promise<ErasureRow | undefined> {
  const rows = await ask<ErasureRow>(
    client,
    `SELECT ${COLUMNS} FROM erasure WHERE organization_id = $1 AND erasure_id = $2::uuid`,
    [organizationId, id],
  )
  return rows[0]
}

/** One that has something to do, locked; undefined when there is none, or other nodes have them. Rides erasure_due. */
export async function takeErasure(client: Client): Promise<ErasureRow | undefined> {
  const rows = await ask<ErasureRow>(
    client,
    `SELECT ${COLUMNS} FROM erasure WHERE finished_at IS NULL AND next_at <= carillon_now() ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
  )
  return rows[0]
}

/** A recipient, or a line of a file, among all of an organization. */
export interface ErasurePlace {
  readonly batch_id: number
  readonly seq: number
}

/** Who was found in one step, and where it ended; null: at the end of all lists. */
export interface ErasureStep {
  readonly last: ErasurePlace | null
  readonly found: readonly { batch_id: number; seq: number; final: boolean }[]
}

/** Looks at the next recipients of all lists. Rides recipient_pkey, and the keys of whereabouts for the few that fit. */
export async function lookForPerson(client: Client, row: ErasureRow): Promise<ErasureStep> {
  const found = await ask<{ batch_id: number; seq: number; final: boolean | null }>(
    client,
    `WITH page AS MATERIALIZED (SELECT batch_id, seq, number_hash FROM recipient WHERE organization_id = $1::int AND (batch_id, seq) > ($2::int, $3::int)
       ORDER BY batch_id, seq LIMIT ${STEP_ROWS}),
     hits AS (SELECT r.batch_id, r.seq, (${OUTCOME_SQL}) IS NOT NULL AS final FROM page r ${WHEREABOUTS_SQL} WHERE r.number_hash = $4::bigint)
     SELECT batch_id, seq, final FROM hits
     UNION ALL (SELECT batch_id, seq, NULL FROM page ORDER BY batch_id DESC, seq DESC LIMIT 1)`,
    [row.organization_id, row.batch_id, row.seq, row.number_hash],
  )
  const last = found.find(({ final }) => final === null) ?? null
  return { last, found: found.flatMap(({ final, ...place }) => (final === null ? [] : [{ ...place, final }])) }
}

/**
 * Erases what lists know of recipients, what was said in their calls, and what others were told and answered of them. That
 * there was a recipient, and how it ended, stays. Who is not final keeps the number until then. Rides recipient_pkey and
 * attempt_pkey. Returns how many attempts.
 */
export async function eraseRecipient(
  client: Client,
  organizationId: number,
  { batch_id, seq, final }: ErasureStep['found'][number],
): Promise<number> {
  await change(
    client,
    `UPDATE recipient SET variables = NULL, metadata = NULL, dialect_fields = NULL, number = CASE WHEN $4 THEN ${erasedNumberSql('number_hash')} ELSE number END
     WHERE organization_id = $1 AND batch_id = $2 AND seq = $3`,
    [organizationId, batch_id, seq, final],
  )
  await eraseReceiverAnswers(client, organizationId, { batchId: batch_id, firstSeq: seq, lastSeq: seq })
  await emptyKeptAnswersOfBatch(client, organizationId, batch_id)
  return change(
    client,
    `UPDATE attempt SET spoken_text = NULL, keys_pressed = NULL, erased_at = carillon_now()
     WHERE organization_id = $1 AND batch_id = $2 AND seq = $3 AND erased_at IS NULL`,
    [organizationId, batch_id, seq],
  )
}

/**
 * Empties, of the next rejected rows of all lists, the values whose digits are the number or end it. Returns how many, and
 * where the step ended; null: behind the last one. Rides rejected_row_pkey.
 */
export async function eraseRejectedRows(
  client: Client,
  row: ErasureRow,
): Promise<{ last: ErasurePlace | null; rejectedRows: number }> {
  const [ended] = await ask<ErasurePlace & { emptied: number }>(
    client,
    `WITH page AS MATERIALIZED (SELECT batch_id, line, regexp_replace(value, '[^0-9]', '', 'g') AS digits FROM rejected_row
       WHERE organization_id = $1::int AND (batch_id, line) > ($2::int, $3::int) ORDER BY batch_id, line LIMIT ${STEP_ROWS}),
     emptied AS (UPDATE rejected_row SET value = '' FROM page x
       WHERE rejected_row.organization_id = $1::int AND rejected_row.batch_id = x.batch_id AND rejected_row.line = x.line
         AND length(x.digits) >= 6 AND ($4 LIKE '%' || x.digits OR x.digits LIKE '%' || $4) RETURNING 1)
     SELECT batch_id, line AS seq, (SELECT count(*)::int FROM emptied) AS emptied FROM page ORDER BY batch_id DESC, line DESC LIMIT 1`,
    [row.organization_id, row.batch_id, row.seq, row.number ?? ''],
  )
  return ended === undefined ? { last: null, rejectedRows: 0 } : { last: ended, rejectedRows: ended.emptied }
}

/** Adds up a step through lists or rejected rows. At the end of one phase the next one comes. */
export async function noteErasureStep(
  client: Client,
  row: ErasureRow,
  step: { last: ErasurePlace | null; erased?: number; attempts?: number; rejectedRows?: number; open?: number },
): Promise<void> {
  const { last, erased = 0, attempts = 0, rejectedRows = 0, open = 0 } = step
  const place = last ?? { batch_id: 0, seq: 0 }
  await change(
    client,
    `UPDATE erasure SET recipients = recipients + $3, attempts = attempts + $4, rejected_rows = rejected_rows + $5,
       batch_id = $6, seq = $7, open = open + $8, phase = phase + $9 WHERE organization_id = $1 AND erasure_id = $2`,
    [
      row.organization_id,
      row.erasure_id,
      erased,
      attempts,
      rejectedRows,
      place.batch_id,
      place.seq,
      open,
      last === null ? 1 : 0,
    ],
  )
}

/**
 * Notes up to which kept answer it has come. Null: all are read, and it is finished, or begins anew later when somebody was
 * not final.
 */
export async function noteAnswersStep(client: Client, row: ErasureRow, next: string | null): Promise<void> {
  const key = [row.organization_id, row.erasure_id]
  if (next !== null) {
    await change(client, 'UPDATE erasure SET answers_after = $3 WHERE organization_id = $1 AND erasure_id = $2', [
      ...key,
      next,
    ])
    return
  }
  await change(
    client,
    `UPDATE erasure SET phase = ${ERASURE_PHASE.lists}, answers_after = '', open = 0,
       next_at = carillon_now() + ${AGAIN}, finished_at = CASE WHEN $3 THEN carillon_now() END, number = CASE WHEN $3 THEN NULL ELSE number END
     WHERE organization_id = $1 AND erasure_id = $2`,
    [...key, row.open === 0],
  )
  if (row.open > 0) return
  await change(
    client,
    `UPDATE suppression SET number = ${erasedNumberSql('number_hash')} WHERE organization_id = $1 AND number_hash = $2::bigint
       AND NOT EXISTS (SELECT 1 FROM suppression s WHERE s.organization_id = $1 AND s.number_hash = $2::bigint AND s.number = ${erasedNumberSql('s.number_hash')})`,
    [row.organization_id, row.number_hash],
  )
}
