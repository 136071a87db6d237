import { ask, change } from './ask.ts'
import type { Client } from './owner-transaction.ts'

/** Answers that one step opens: some milliseconds of work. */
const PAGE = 200

/** One answer that is kept for repetitions of its request, sealed. */
export interface KeptAnswer {
  readonly idempotency_key: string
  readonly body: Buffer
}

/**
 * A page of them in the order of their keys, behind one, and the key behind which the next page begins; null: there are no
 * more. Those that are empty already count into a page, so that none reads more than {@link PAGE} rows. Rides
 * idempotent_answer_pkey.
 */
export async function keptAnswers(
  client: Client,
  organizationId: number,
  after: string,
): Promise<{ answers: readonly KeptAnswer[]; next: string | null }> {
  const page = await ask<{ idempotency_key: string; body: Buffer | null }>(
    client,
    `SELECT idempotency_key, body FROM idempotent_answer WHERE organization_id = $1 AND idempotency_key > $2
     ORDER BY idempotency_key LIMIT ${PAGE}`,
    [organizationId, after],
  )
  const answers = page.flatMap(({ body, ...key }) => (body === null ? [] : [{ ...key, body }]))
  return { answers, next: page.length < PAGE ? null : page.at(-1)!.idempotency_key }
}

/** The request still has one effect: whoever repeats it gets the status with nothing beside it. Rides idempotent_answer_pkey. */
export async function emptyKeptAnswers(client: Client, organizationId: number, keys: readonly string[]): Promise<void> {
  await change(
    client,
    'UPDATE idempotent_answer SET body = NULL WHERE organization_id = $1 AND idempotency_key = ANY($2::text[])',
    [organizationId, keys],
  )
}

/** The same for all requests that made a batch. Rides idempotent_answer_batch. */
export async function emptyKeptAnswersOfBatch(client: Client, organizationId: number, batchId: number): Promise<void> {
  await change(
    client,
    'UPDATE idempotent_answer SET body = NULL WHERE organization_id = $1 AND batch_id = $2 AND body IS NOT NULL',
    [organizationId, batchId],
  )
}

/**
 * What receivers of webhooks answered to events about these recipients; 0 among them stands for events about the batch.
 * That and when they answered stays. Rides webhook_delivery_answered.
 */
export async function eraseReceiverAnswers(
  client: Client,
  organizationId: number,
  { batchId, firstSeq, lastSeq }: { batchId: number; firstSeq: number; lastSeq: number },
): Promise<void> {
  await change(
    client,
    `UPDATE webhook_delivery SET answer = NULL
     WHERE organization_id = $1 AND batch_id = $2 AND seq BETWEEN $3 AND $4 AND answer IS NOT NULL`,
    [organizationId, batchId, firstSeq, lastSeq],
  )
}
