import { ask } from './ask.ts'
import { eventBlockSql } from './event-block-sql.ts'
import type { Gate } from './gate.ts'
import type { Client } from './owner-transaction.ts'
import { type Queryable, run } from './statement.ts'

/** One entry of an event block. `seq` 0 speaks of the batch. */
export interface EventEntry {
  readonly batchId: number
  readonly seq: number
  readonly n: number
  readonly kind: number
  readonly code: number
  /** Milliseconds since the block's instant, or the number of recipients of a closed lane. */
  readonly atMs: number
}

const APPEND = `WITH entries AS (SELECT * FROM unnest($3::int[], $4::int[], $5::smallint[], $6::smallint[], $7::smallint[], $8::int[])
   x(batch_id, seq, n, kind, code, at_ms)),
 ${eventBlockSql('entries', '0')} SELECT 1`

/** Appends one block under the gate. */
export async function appendEvents(client: Queryable, gate: Gate, entries: readonly EventEntry[]): Promise<void> {
  if (entries.length === 0) return
  await run(client, {
    name: 'append_events',
    text: APPEND,
    values: [
      gate.organizationId,
      gate.now,
      entries.map((entry) => entry.batchId),
      entries.map((entry) => entry.seq),
      entries.map((entry) => entry.n),
      entries.map((entry) => entry.kind),
      entries.map((entry) => entry.code),
      entries.map((entry) => entry.atMs),
    ],
  })
}

/** Appends a block with one entry that speaks of a batch as a whole. */
export function appendBatchEvent(client: Queryable, gate: Gate, batchId: number, kind: number): Promise<void> {
  return appendEvents(client, gate, [{ batchId, seq: 0, n: 0, kind, code: 0, atMs: 0 }])
}

export interface EventRow {
  block_no: number
  /** From 1. */
  index: number
  at: Date
  batch_id: number
  batch_uuid: string
  seq: number
  n: number
  kind: number
  code: number
  at_ms: number
}

/**
 * Entries behind a position up to the end of a block, oldest first, at most `limit`. Rides event_block_pkey, whose
 * order is the order of the answer, and batch_pkey.
 */
export function selectEvents(
  client: Client,
  organizationId: number,
  range: { blockNo: number; index: number; toBlockNo: number; limit: number; batchId: number | null },
): Promise<EventRow[]> {
  return ask<EventRow>(
    client,
    `SELECT e.block_no::float8 AS block_no, x.index::int AS index, e.at, x.batch_id, b.batch_uuid, x.seq, x.n, x.kind, x.code, x.at_ms
     FROM (SELECT * FROM event_block WHERE organization_id = $1 AND block_no >= $2 AND block_no <= $4 ORDER BY block_no) e
     CROSS JOIN LATERAL unnest(e.batch_id, e.seq, e.n, e.kind, e.code, e.at_ms) WITH ORDINALITY
       x(batch_id, seq, n, kind, code, at_ms, index)
     CROSS JOIN LATERAL (SELECT batch_uuid FROM batch WHERE organization_id = $1 AND batch_id = x.batch_id LIMIT 1) b
     WHERE (e.block_no > $2 OR x.index > $3) AND ($6::int IS NULL OR x.batch_id = $6)
     ORDER BY e.block_no, x.index LIMIT $5`,
    [organizationId, range.blockNo, range.index, range.toBlockNo, range.limit, range.batchId],
  )
}

/** Number of the last block. Rides gate_pkey, without a lock. */
export async function lastBlockNo(client: Client, organizationId: number): Promise<number> {
  const rows = await ask<{ block_no: number }>(
    client,
    'SELECT block_no::float8 AS block_no FROM gate WHERE organization_id = $1',
    [organizationId],
  )
  return rows[0]?.block_no ?? 0
}
