import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

const SWEPT_AT_ONCE = 10_000

export interface IdempotentRow {
  request_hash: Buffer
  http_status: number | null
  content_type: string | null
  body: Buffer | null
  lease_over: boolean
}

/**
 * Takes a key for a request that begins now. False: somebody has it; see {@link readAnswer}. A lease that is over is
 * taken over for the same request, since its first worker has died; a key older than `keptHours` is free for any.
 * Rides idempotent_answer_pkey.
 */
export async function takeKey(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
  times: { leaseSeconds: number; keptHours: number },
): Promise<boolean> {
  const taken = await change(
    client,
    `INSERT INTO idempotent_answer AS i (organization_id, idempotency_key, request_hash, lease_until, created_at)
     SELECT $1::int, $2::text, $3::bytea, t.now + $4::int * interval '1 s', t.now FROM (SELECT carillon_now() AS now OFFSET 0) t
     ON CONFLICT (organization_id, idempotency_key) DO UPDATE SET request_hash = excluded.request_hash,
       lease_until = excluded.lease_until, created_at = excluded.created_at, http_status = NULL, content_type = NULL, body = NULL,
       batch_id = CASE WHEN i.created_at <= excluded.created_at - $5::int * interval '1 h' THEN NULL ELSE i.batch_id END
       WHERE (i.http_status IS NULL AND i.request_hash = excluded.request_hash AND i.lease_until < excluded.created_at)
         OR i.created_at <= excluded.created_at - $5::int * interval '1 h'`,
    [key.organizationId, key.key, key.requestHash, times.leaseSeconds, times.keptHours],
  )
  return taken === 1
}

/** False: the key is no longer at work for this request. Rides idempotent_answer_pkey. */
export async function renewLease(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
  leaseSeconds: number,
): Promise<boolean> {
  const renewed = await change(
    client,
    `UPDATE idempotent_answer SET lease_until = carillon_now() + $4::int * interval '1 s'
     WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3 AND http_status IS NULL`,
    [key.organizationId, key.key, key.requestHash, leaseSeconds],
  )
  return renewed === 1
}

export async function readAnswer(
  client: Client,
  key: { organizationId: number; key: string },
): Promise<IdempotentRow | undefined> {
  const rows = await ask<IdempotentRow>(
    client,
    `SELECT request_hash, http_status, content_type, body, lease_until < carillon_now() AS lease_over
     FROM idempotent_answer WHERE organization_id = $1 AND idempotency_key = $2`,
    [key.organizationId, key.key],
  )
  return rows[0]
}

/** False: another worker of the request has answered, or the key is no longer its. Rides idempotent_answer_pkey. */
export async function storeAnswer(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
  answer: { httpStatus: number; contentType: string; body: Buffer },
): Promise<boolean> {
  const stored = await change(
    client,
    `UPDATE idempotent_answer SET http_status = $4, content_type = $5, body = $6
     WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3 AND http_status IS NULL`,
    [key.organizationId, key.key, key.requestHash, answer.httpStatus, answer.contentType, answer.body],
  )
  return stored === 1
}

/** Gives a key free whose request came to nothing; one that made a batch may be taken over at once instead. */
export async function releaseKey(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
): Promise<void> {
  await change(
    client,
    `WITH kept AS (UPDATE idempotent_answer SET lease_until = created_at
       WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3 AND http_status IS NULL AND batch_id IS NOT NULL)
     DELETE FROM idempotent_answer
     WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3 AND http_status IS NULL AND batch_id IS NULL`,
    [key.organizationId, key.key, key.requestHash],
  )
}

/**
 * The batch that a request has made, or null. The row stays locked until the commit, so that of two workers of one
 * request the second sees what the first has done. Rides idempotent_answer_pkey.
 */
export async function batchMadeBy(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
): Promise<number | null> {
  const rows = await ask<{ batch_id: number | null }>(
    client,
    `SELECT batch_id FROM idempotent_answer WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3 FOR UPDATE`,
    [key.organizationId, key.key, key.requestHash],
  )
  return rows[0]?.batch_id ?? null
}

/** Belongs to the transaction that makes the batch. */
export async function noteBatchMade(
  client: Client,
  key: { organizationId: number; key: string; requestHash: Buffer },
  batchId: number,
): Promise<void> {
  await change(
    client,
    `UPDATE idempotent_answer SET batch_id = $4 WHERE organization_id = $1 AND idempotency_key = $2 AND request_hash = $3`,
    [key.organizationId, key.key, key.requestHash, batchId],
  )
}

/**
 * Forgets answers older than `hours` of all organizations, some at a time, as the owner of the table; for a sweep now
 * and then. Rides idempotent_answer_age.
 */
export function sweepAnswers(client: Client, hours: number): Promise<number> {
  return change(
    client,
    `DELETE FROM idempotent_answer a USING (SELECT organization_id, idempotency_key FROM idempotent_answer
       WHERE created_at <= (SELECT carillon_now()) - $1::int * interval '1 h' ORDER BY created_at LIMIT ${SWEPT_AT_ONCE}
       FOR UPDATE SKIP LOCKED) old
     WHERE a.organization_id = old.organization_id AND a.idempotency_key = old.idempotency_key`,
    [hours],
  )
}
